/** Preact hooks that the pages share. */
import { useEffect, useState } from 'preact/hooks';

/** The current time, renewed every `ms` milliseconds while mounted. */
export function useNow(ms: number): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return now;
}

/** Renders again on every change of a store that keeps its own state. */
export function useStore<S>(store: { state: S; subscribe(listener: () => void): () => void }): S {
  const [state, setState] = useState(store.state);
  useEffect(() => {
    setState(store.state);
    return store.subscribe(() => setState(store.state));
  }, [store]);
  return state;
}
