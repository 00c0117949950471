/** Reading and changing a document of settings by path; pure. */
import type { Json } from '../../shared/frames';
import { isRecord, list } from '../../shared/frames';
import type { Path, Problem } from './settingsApi';

export function read(document: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, part) => (typeof part === 'number' ? list(at)[part] : isRecord(at) ? at[part] : undefined), document);
}

/** A copy with another value at `path`; `undefined` takes a key away. */
export function write(document: Json, path: Path, value: unknown): Json {
  const put = (at: unknown, [part, ...rest]: Path): unknown => {
    if (part === undefined) return value;
    if (typeof part === 'number') {
      const copy = [...list(at)];
      copy[part] = put(copy[part], rest);
      return copy;
    }
    const copy: Json = { ...(isRecord(at) ? at : {}) };
    const next = put(copy[part], rest);
    if (next === undefined) delete copy[part];
    else copy[part] = next;
    return copy;
  };
  return put(document, path) as Json;
}

/** The problems of a field and of all that lies inside it, when `deep`. */
export function problemsAt(problems: readonly Problem[], path: Path, deep = false): Problem[] {
  return problems.filter(
    (one) => (deep ? one.path.length >= path.length : one.path.length === path.length) && path.every((part, n) => String(one.path[n]) === String(part)),
  );
}

/** Lines that are typed, as a list without blanks. */
export const lines = (typed: string): string[] => typed.split('\n').map((line) => line.trim()).filter(Boolean);
