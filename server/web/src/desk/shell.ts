/** What every part of the desk needs: language, texts, the bell. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { desk as zh } from '../i18n/zh';
import { desk as en } from '../i18n/en';
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
}

export function makeShell(lang: Lang, intents: Readonly<Record<string, Localised>> = {}): Shell {
  const catalogue = lang === 'zh' ? zh : en;
  return {
    lang,
    t: translator({ zh, en }, lang),
    coded: (prefix, code) => lookUp(catalogue, `${prefix}_${code}`) ?? code.replace(/_/g, ' '),
    intent: (name) => intents[name]?.[lang] || name,
  };
}

export const ShellContext = createContext<Shell>(makeShell('zh'));
export const useShell = (): Shell => useContext(ShellContext);

const SOUND_KEY = 'kefu:desk:sound';

export function soundWanted(): boolean {
  try {
    return localStorage.getItem(SOUND_KEY) !== 'off';
  } catch {
    return true;
  }
}

export function rememberSound(on: boolean): void {
  try {
    localStorage.setItem(SOUND_KEY, on ? 'on' : 'off');
  } catch {
    // Remembered only until the page is left.
  }
}

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
