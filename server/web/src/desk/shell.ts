/** What every part of the desk needs: language and texts. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { desk as zh } from '../i18n/deskZh';
import { desk as en } from '../i18n/deskEn';
import { lookUp, translator } from '../i18n';
import type { Translate } from '../i18n';
import type { Lang } from '../shared/frames';
import type { Localised } from '../shared/rest';

export type T = Translate<typeof zh>;

export interface Shell {
  lang: Lang;
  t: T;
  /** The text for a code that the server chose, such as a reason; the code itself in words where there is none. */
  coded(prefix: string, code: string): string;
  /** What staff call an intent; its name where the company has none for it. */
  intent(name: string): string;
  /** The names of all intents, in the order of what they are called. */
  intents: readonly string[];
}

export function makeShell(lang: Lang, intents: Readonly<Record<string, Localised>> = {}): Shell {
  const catalogue = lang === 'zh' ? zh : en;
  const called = (name: string) => intents[name]?.[lang] || name;
  return {
    lang,
    t: translator({ zh, en }, lang),
    coded: (prefix, code) => lookUp(catalogue, `${prefix}_${code}`) ?? code.replace(/_/g, ' '),
    intent: called,
    intents: Object.keys(intents).sort((a, b) => called(a).localeCompare(called(b), lang)),
  };
}

export const ShellContext = createContext<Shell>(makeShell('zh'));
export const useShell = (): Shell => useContext(ShellContext);
