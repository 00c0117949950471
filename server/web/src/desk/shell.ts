/** What every part of the desk needs: language, texts, the brand's colours. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { desk as zh } from '../i18n/zh';
import { desk as en } from '../i18n/en';
import { lookUp, translator } from '../i18n';
import type { Translate } from '../i18n';
import type { Lang } from '../shared/frames';
import { isLang } from '../shared/frames';

export type T = Translate<typeof zh>;

export interface Shell {
  lang: Lang;
  t: T;
  /** The text for a code that the server chose, such as a reason; the code itself in words where there is none. */
  coded(prefix: string, code: string): string;
}

export function makeShell(lang: Lang): Shell {
  const catalogue = lang === 'zh' ? zh : en;
  return {
    lang,
    t: translator({ zh, en }, lang),
    coded: (prefix, code) => lookUp(catalogue, `${prefix}_${code}`) ?? code.replace(/_/g, ' '),
  };
}

export const ShellContext = createContext<Shell>(makeShell('zh'));
export const useShell = (): Shell => useContext(ShellContext);

const LANGUAGE_KEY = 'kefu:desk:language';
const SOUND_KEY = 'kefu:desk:sound';

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Remembered only until the page is left.
  }
}

export function firstLanguage(): Lang {
  const language = stored(LANGUAGE_KEY);
  if (isLang(language)) return language;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export const rememberLanguage = (lang: Lang): void => store(LANGUAGE_KEY, lang);
export const soundWanted = (): boolean => stored(SOUND_KEY) !== 'off';
export const rememberSound = (on: boolean): void => store(SOUND_KEY, on ? 'on' : 'off');

let audio: AudioContext | null = null;

/** Two short soft tones. Browsers stay silent until the page was clicked once. */
export function ring(): void {
  try {
    audio ??= new AudioContext();
    const context = audio;
    void context.resume();
    [660, 880].forEach((frequency, index) => {
      const from = context.currentTime + index * 0.13;
      const tone = context.createOscillator();
      const level = context.createGain();
      tone.frequency.value = frequency;
      level.gain.setValueAtTime(0, from);
      level.gain.linearRampToValueAtTime(0.12, from + 0.02);
      level.gain.exponentialRampToValueAtTime(0.001, from + 0.22);
      tone.connect(level).connect(context.destination);
      tone.start(from);
      tone.stop(from + 0.24);
    });
  } catch {
    // No sound device: the title still tells.
  }
}
