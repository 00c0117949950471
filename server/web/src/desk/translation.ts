/** When a text is worth translating, and into what; pure. */
import type { Lang } from '../shared/frames';
import { clearLanguage } from '../shared/text';

/** What came of asking for a machine translation. */
export type Answer =
  | { to: Lang; state: 'done'; text: string }
  /** `refused`: the model answered and cannot be relied on here; `away`: there was no answer. */
  | { to: Lang; state: 'refused' | 'long' | 'away' };

/** A machine translation of one message into one language. */
export type Translation = Answer | { to: Lang; state: 'asked' };

const WORDS = /\p{L}{2}/u;

/** The other of the two languages. */
export const otherLang = (lang: Lang): Lang => (lang === 'zh' ? 'en' : 'zh');

/** From what to what a text is translated for a reader of `to`; null where there is nothing to translate. */
export function translationOf(text: string, written: Lang | '', to: Lang): { source: Lang; target: Lang } | null {
  // A number or a code is the same in every language.
  if (!WORDS.test(text)) return null;
  const source = clearLanguage(text) ?? (written || to);
  return source === to ? null : { source, target: to };
}
