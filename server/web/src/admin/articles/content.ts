/** An article as it is edited: fields, and how two people's changes of it come together. */
import type { Lang } from '../../shared/frames';

export const FIELDS = ['title', 'category', 'summary', 'markdown'] as const;
export type Field = (typeof FIELDS)[number];
export type Text = Record<Field, string>;
export interface Content {
  texts: Partial<Record<Lang, Text>>;
  intents: string[];
}

export const NO_TEXT: Text = { title: '', category: '', summary: '', markdown: '' };
export const NO_CONTENT: Content = { texts: {}, intents: [] };

/** The name of one field: `zh.title`, or `intents`. */
export type Path = `${Lang}.${Field}` | 'intents';
export const PATHS: readonly Path[] = [...(['zh', 'en'] as const).flatMap((language) => FIELDS.map((field): Path => `${language}.${field}`)), 'intents'];

export function get(content: Content | null, path: Path): string {
  if (content === null) return '';
  if (path === 'intents') return content.intents.join(', ');
  const [language, field] = path.split('.') as [Lang, Field];
  return content.texts[language]?.[field] ?? '';
}

export function set(content: Content, path: Path, value: string): Content {
  if (path === 'intents') return { ...content, intents: value.split(/[,，\s]+/).filter(Boolean) };
  const [language, field] = path.split('.') as [Lang, Field];
  return { ...content, texts: { ...content.texts, [language]: { ...(content.texts[language] ?? NO_TEXT), [field]: value } } };
}

export const same = (a: Content | null, b: Content | null): boolean => (a === null) === (b === null) && PATHS.every((path) => get(a, path).trim() === get(b, path).trim());

export interface Conflict {
  path: Path;
  theirs: string;
  mine: string;
}

/**
 * Mine on top of theirs: what only one side changed since `base` is taken, what both changed differently is a conflict,
 * in which the merged article has mine until somebody chooses.
 */
export function merge(base: Content | null, theirs: Content, mine: Content): { merged: Content; conflicts: Conflict[] } {
  let merged = theirs;
  const conflicts: Conflict[] = [];
  for (const path of PATHS) {
    const [was, now, own] = [get(base, path).trim(), get(theirs, path).trim(), get(mine, path).trim()];
    if (own === was || own === now) continue;
    merged = set(merged, path, get(mine, path));
    if (now !== was) conflicts.push({ path, theirs: get(theirs, path), mine: get(mine, path) });
  }
  return { merged, conflicts };
}
