/** What every part of the console needs: language, texts, one line for what has just happened. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { admin as en } from '../i18n/adminEn';
import { admin as zh } from '../i18n/adminZh';
import { lookUp, translator } from '../i18n';
import type { Translate } from '../i18n';
import type { Lang } from '../shared/frames';

export type T = Translate<typeof zh>;

export interface Shell {
  lang: Lang;
  t: T;
  me: string;
  /** The text for a code that the server chose; the code itself in words where there is none. */
  coded(prefix: string, code: string): string;
  /** Tells what was done. */
  say(text: string): void;
  /** Tells what could not be done; a session that is over leads to the log-in. */
  fail(error: unknown): void;
}

export function makeShell(lang: Lang, ports: Pick<Shell, 'me' | 'say' | 'fail'>): Shell {
  const catalogue = lang === 'zh' ? zh : en;
  return {
    lang,
    t: translator({ zh, en }, lang),
    coded: (prefix, code) => lookUp(catalogue, `${prefix}_${code}`) ?? code.replace(/[_.]/g, ' '),
    ...ports,
  };
}

const nothing = () => undefined;
export const ShellContext = createContext<Shell>(makeShell('zh', { me: '', say: nothing, fail: nothing }));
export const useShell = (): Shell => useContext(ShellContext);
