/** Speaks sentences with the browser's own voice: for languages that the server has none of. */

const LANGUAGE = { zh: 'zh-CN', en: 'en-US' } as const;

export interface Speech {
  speak(utterance: SpeechSynthesisUtterance): void;
  cancel(): void;
  pause(): void;
  resume(): void;
  getVoices(): SpeechSynthesisVoice[];
}

export class Reader {
  private run = 0;
  private current: { seq: number; began: number; parts: number } | null = null;
  private readonly before = new Map<number, number>();

  constructor(
    private readonly speech: Speech | undefined,
    private readonly now: () => number,
    private readonly played: (seq: number, ms: number, parts: number, done: boolean) => void,
    private readonly changed: (speaking: boolean) => void,
  ) {}

  get speaking(): boolean {
    return this.current !== null;
  }

  /** Speaks the sentences from number `from` of the reply on. */
  speak(seq: number, language: 'zh' | 'en', sentences: string[], from: number): void {
    this.stop();
    const { speech } = this;
    const lang = LANGUAGE[language];
    if (!speech || sentences.length === 0) {
      this.played(seq, this.before.get(seq) ?? 0, from + sentences.length, true);
      return;
    }
    const run = ++this.run;
    this.current = { seq, began: this.now(), parts: from };
    this.changed(true);
    const voice = speech.getVoices().find((one) => one.lang.replace('_', '-').startsWith(lang.slice(0, 2)));
    sentences.forEach((sentence, index) => {
      const utterance = new SpeechSynthesisUtterance(sentence);
      utterance.lang = lang;
      if (voice) utterance.voice = voice;
      const over = () => {
        if (run !== this.run || !this.current) return;
        this.current.parts = from + index + 1;
        if (index < sentences.length - 1) return;
        const ms = this.ms();
        this.current = null;
        this.played(seq, ms, from + sentences.length, true);
        this.changed(false);
      };
      utterance.onend = over;
      utterance.onerror = over;
      speech.speak(utterance);
    });
  }

  /** The browser's voice has no volume that can be changed while it speaks: it pauses. */
  lower(on: boolean): void {
    if (!this.current) return;
    if (on) this.speech?.pause();
    else this.speech?.resume();
  }

  stop(): void {
    const { current } = this;
    if (!current) return;
    const ms = this.ms();
    this.run += 1;
    this.current = null;
    this.speech?.cancel();
    this.speech?.resume(); // what was paused would keep the next sentence waiting
    this.played(current.seq, ms, current.parts, false);
    this.changed(false);
  }

  private ms(): number {
    if (!this.current) return 0;
    const ms = Math.round((this.before.get(this.current.seq) ?? 0) + this.now() - this.current.began);
    this.before.set(this.current.seq, ms);
    return ms;
  }
}
