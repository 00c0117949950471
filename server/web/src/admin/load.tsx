/** What is fetched for a page, with what is shown until it is there. */
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { RestError } from '../shared/rest';
import { useShell } from './shell';

export interface Loaded<D> {
  data: D | null;
  failed: boolean;
  reload(): void;
  setData(data: D): void;
}

/** Fetches whenever `deps` change; an answer that comes after the next question is dropped. */
export function useLoad<D>(fetchIt: () => Promise<D>, deps: readonly unknown[]): Loaded<D> {
  const { fail } = useShell();
  const [data, setData] = useState<D | null>(null);
  const [failed, setFailed] = useState(false);
  const asked = useRef(0);
  const reload = useCallback(() => {
    asked.current += 1;
    const mine = asked.current;
    setFailed(false);
    fetchIt().then(
      (found) => mine === asked.current && setData(found),
      (error: unknown) => {
        if (mine !== asked.current) return;
        setFailed(true);
        if (error instanceof RestError && error.status === 401) fail(error);
      },
    );
  }, deps);
  useEffect(() => {
    reload();
    return () => {
      asked.current += 1;
    };
  }, [reload]);
  return { data, failed, reload, setData };
}

export function Waiting<D>({ of, children }: { of: Loaded<D>; children: (data: D) => ComponentChildren }) {
  const { t } = useShell();
  if (of.data !== null) return <>{children(of.data)}</>;
  if (!of.failed) return <p class="empty">{t('loading')}</p>;
  return (
    <div class="empty">
      <p>{t('loadFailed')}</p>
      <button type="button" class="button outline" onClick={of.reload}>
        {t('tryAgain')}
      </button>
    </div>
  );
}
