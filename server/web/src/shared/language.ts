/** The language of a page: what the visitor chose here before, else the browser's. */
import type { Lang } from './frames';
import { isLang } from './frames';

export function rememberedLanguage(key: string): Lang {
  try {
    const stored = localStorage.getItem(key);
    if (isLang(stored)) return stored;
  } catch {
    // Storage may be forbidden; the browser's language will do.
  }
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export function rememberLanguage(key: string, lang: Lang): void {
  try {
    localStorage.setItem(key, lang);
  } catch {
    // Only remembered until the page is left.
  }
}

/** For the `lang` attribute: the form of Chinese decides which shapes of its signs are drawn. */
export const langTag = (lang: Lang): string => (lang === 'zh' ? 'zh-CN' : 'en');

export const HELP_LANGUAGE = 'kefu:help:language';
export const DESK_LANGUAGE = 'kefu:desk:language';
