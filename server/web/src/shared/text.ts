/** Small helpers for text that people write. */
import type { Lang } from './frames';

/** What a message may hold; counted as the server counts, in Unicode code points. */
export const MESSAGE_LIMIT = 4000;

export const codePoints = (value: string): number => {
  let count = 0;
  for (const _ of value) count += 1;
  return count;
};

const HAN = /\p{Script=Han}/gu;
const LATIN_WORD = /[A-Za-z][A-Za-z'’-]+/g;

/**
 * The language a text is clearly written in, by its script; null where it is too short or mixed to say.
 * Product names in Latin letters do not make a Chinese sentence English.
 */
export function clearLanguage(value: string): Lang | null {
  const han = value.match(HAN)?.length ?? 0;
  const words = value.match(LATIN_WORD) ?? [];
  if (han >= 2 && han >= words.length) return 'zh';
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  if (han === 0 && words.length >= 2 && letters >= 6) return 'en';
  return null;
}

/**
 * A link that may be offered: http or https after resolving against `base`; null for every other scheme.
 * `sameOrigin` says whether it stays on the host that serves the chat.
 */
export function safeLink(url: string, base: string): { href: string; sameOrigin: boolean } | null {
  try {
    const resolved = new URL(url, base);
    if (resolved.protocol !== 'http:' && resolved.protocol !== 'https:') return null;
    return { href: resolved.href, sameOrigin: resolved.origin === new URL(base).origin };
  } catch {
    return null;
  }
}

export type TextPart = { text: string; href?: string };

const URL_IN_TEXT = /https?:\/\/[^\s<>"'，。；：！？、（）【】《》]+/g;
const TRAILING = /[.,;:!?)\]}]+$/;

/** A text cut into plain parts and the http(s) addresses written in it. */
export function linkify(value: string): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of value.matchAll(URL_IN_TEXT)) {
    const address = match[0].replace(TRAILING, '');
    const link = safeLink(address, address);
    if (!link) continue;
    if (match.index > from) parts.push({ text: value.slice(from, match.index) });
    parts.push({ text: address, href: link.href });
    from = match.index + address.length;
  }
  if (from < value.length) parts.push({ text: value.slice(from) });
  return parts;
}

/** The first sign of a name, for a monogram. */
export const initial = (name: string): string => (Array.from(name.trim())[0] ?? '·').toUpperCase();

/** A conversation id, short enough to say aloud. */
export const shortId = (id: string): string => id.replace(/-/g, '').slice(0, 6).toUpperCase();
