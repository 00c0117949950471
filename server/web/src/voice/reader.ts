/**
 * Speaks sentences with the browser's own voice: for languages that the server has none of.
 *
 * To be silent it cancels, and to go on it speaks the rest: browsers' own way to pause takes effect at the end of a
 * sentence in some, and in others nothing ever follows it.
 */

const LANGUAGE = { zh: 'zh-CN', en: 'en-US' } as const;
/** Milliseconds a character takes at most: how far a voice is that tells no words. It says some again rather than leave it out. */
const SLOWEST_MS = { zh: 300, en: 100 } as const;
const WORD = /[\p{Script=Latin}\d'’.-]/u;

export interface Speech {
  speak(utterance: SpeechSynthesisUtterance): void;
  cancel(): void;
  getVoices(): SpeechSynthesisVoice[];
}

interface Reading {
  seq: number;
  language: 'zh' | 'en';
  sentences: string[];
  /** Number of the first of the sentences in the reply. */
  from: number;
  /** How many of them were spoken to their end, and how many characters of the next. */
  spoken: number;
  char: number;
  /** When what is being spoken now began; null while it is silent. */
  began: number | null;
}

export class Reader {
  private run = 0;
  private current: Reading | null = null;
  private paused: number | null = null;
  /** When the sentence began that is being spoken, and at which character; null where the voice tells its words. */
  private guess: { at: number; char: number } | null = null;
  private place: { seq: number; part: number; char: number } | null = null;
  private readonly before = new Map<number, number>();

  constructor(
    private readonly speech: Speech | undefined,
    private readonly now: () => number,
    private readonly played: (seq: number, ms: number, parts: number, share: number, done: boolean) => void,
    private readonly changed: (speaking: boolean) => void,
  ) {}

  get speaking(): boolean {
    return this.current !== null && this.current.began !== null;
  }

  /** Speaks the sentences from number `from` of the reply on; the first where it was stopped, if it was. */
  speak(seq: number, language: 'zh' | 'en', sentences: string[], from: number): void {
    this.end();
    if (!this.speech || sentences.length === 0) {
      this.played(seq, this.before.get(seq) ?? 0, from + sentences.length, 0, true);
      return;
    }
    const { place } = this;
    const char = place && place.seq === seq && place.part === from ? place.char : 0;
    this.current = { seq, language, sentences, from, spoken: 0, char, began: null };
    if (this.paused !== seq) this.begin(this.current, this.speech);
  }

  /** Silence, at once, with the place kept; or on from there, at most a word back. */
  pause(seq: number, on: boolean): void {
    const { current, speech } = this;
    this.paused = on ? seq : null;
    if (!current || !speech || current.seq !== seq || on === (current.began === null)) return;
    if (on) {
      this.fall(current, speech);
      this.tell(current, false);
      this.changed(false);
    } else {
      this.begin(current, speech);
    }
  }

  stop(): void {
    this.end();
    this.paused = null;
  }

  private end(): void {
    const { current, speech } = this;
    if (!current || !speech) return;
    this.fall(current, speech);
    this.current = null;
    this.place = { seq: current.seq, part: current.from + current.spoken, char: current.char };
    this.tell(current, false);
    this.changed(false);
  }

  private begin(reading: Reading, speech: Speech): void {
    const run = ++this.run;
    const lang = LANGUAGE[reading.language];
    const voice = bestVoice(speech.getVoices(), lang);
    reading.began = this.now();
    this.guess = { at: this.now(), char: reading.char };
    this.changed(true);
    reading.sentences.slice(reading.spoken).forEach((sentence, index) => {
      const skipped = index === 0 ? reading.char : 0;
      const utterance = new SpeechSynthesisUtterance(sentence.slice(skipped));
      utterance.lang = lang;
      if (voice) utterance.voice = voice;
      utterance.onstart = () => {
        if (run === this.run) this.guess = { at: this.now(), char: skipped };
      };
      utterance.onboundary = (event) => {
        if (run !== this.run) return;
        this.guess = null;
        reading.char = skipped + event.charIndex;
      };
      const over = () => {
        if (run !== this.run) return;
        reading.spoken += 1;
        reading.char = 0;
        this.guess = { at: this.now(), char: 0 };
        if (reading.spoken < reading.sentences.length) return;
        this.run += 1;
        this.count(reading);
        this.current = null;
        this.tell(reading, true);
        this.changed(false);
      };
      utterance.onend = over;
      utterance.onerror = over;
      speech.speak(utterance);
    });
  }

  /** Becomes silent and notes how far it is. */
  private fall(reading: Reading, speech: Speech): void {
    this.run += 1;
    if (reading.began === null) return;
    const sentence = reading.sentences[reading.spoken] ?? '';
    if (this.guess) {
      const passed = Math.floor((this.now() - this.guess.at) / SLOWEST_MS[reading.language]);
      reading.char = wordStart(sentence, Math.min(sentence.length, this.guess.char + passed));
    }
    this.count(reading);
    speech.cancel();
  }

  private count(reading: Reading): void {
    if (reading.began === null) return;
    this.before.set(reading.seq, Math.round((this.before.get(reading.seq) ?? 0) + this.now() - reading.began));
    reading.began = null;
  }

  private tell(reading: Reading, done: boolean): void {
    const sentence = reading.sentences[reading.spoken] ?? '';
    const share = sentence ? Math.round((100 * reading.char) / sentence.length) / 100 : 0;
    this.played(reading.seq, this.before.get(reading.seq) ?? 0, reading.from + reading.spoken, share, done);
  }
}

/**
 * The voice that suits best: of the very language before one of its relatives (Cantonese is "zh" too), and on the
 * customer's own machine before one that the browser's maker runs, who would get to read the replies.
 */
function bestVoice(voices: SpeechSynthesisVoice[], lang: string): SpeechSynthesisVoice | undefined {
  const rank = (one: SpeechSynthesisVoice) => {
    const own = one.lang.replace('_', '-');
    if (own === lang) return one.localService ? 3 : 2;
    return own.startsWith(lang.slice(0, 2)) ? 1 : 0;
  };
  const best = voices.reduce<SpeechSynthesisVoice | undefined>((top, one) => (!top || rank(one) > rank(top) ? one : top), undefined);
  return best && rank(best) > 0 ? best : undefined;
}

/** The beginning of the word that the character is in; a Chinese character is one of its own. */
function wordStart(sentence: string, char: number): number {
  let start = char;
  while (start > 0 && WORD.test(sentence[start - 1] ?? '')) start -= 1;
  return start;
}
