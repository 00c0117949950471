/**
 * Plays replies that come as PCM, one piece after the other without a gap, and knows how much of each was heard.
 * Time and sound card are passed in.
 */

export interface Sink {
  /** Seconds of the sound card's clock. */
  now(): number;
  /** How loud everything is, from 0 to 1. */
  volume(level: number): void;
  /** Plays from `at` on; gives a function that stops it after so many seconds. */
  play(pcm: Int16Array, rate: number, at: number, ended: () => void): (afterSeconds: number) => void;
}

interface Piece {
  pcm: Int16Array;
  rate: number;
  /** When it begins; null while nothing is played. */
  at: number | null;
  stop(afterSeconds: number): void;
}

/** Seconds in which it falls silent for a pause: at once it would click. */
export const FADE_S = 0.02;
/** The first piece waits this long, so that the second one is there when the first ends. */
const LEAD_S = 0.05;
/** So much is said again after a pause, where the piece that was being played has it: half a word is no word. */
const BACK_S = 0.25;

export class Player {
  private seq: number | null = null;
  private pieces: Piece[] = [];
  private complete = false;
  private nextAt = 0;
  private paused: number | null = null;
  /** Milliseconds of the reply before the first piece. */
  private begun = 0;
  /** Milliseconds of each reply that were heard. */
  private readonly reached = new Map<number, number>();

  constructor(
    private readonly sink: Sink,
    private readonly played: (seq: number, ms: number, done: boolean) => void,
    private readonly changed: (speaking: boolean) => void,
  ) {}

  get speaking(): boolean {
    return this.seq !== null && this.paused !== this.seq;
  }

  add(seq: number, pcm: Int16Array, rate: number, last: boolean): void {
    if (this.seq !== null && this.seq !== seq) this.end();
    if (this.seq === null) {
      this.seq = seq;
      this.begun = this.reached.get(seq) ?? 0;
      if (this.paused !== seq) this.begin();
    }
    this.complete = last;
    const piece: Piece = { pcm, rate, at: null, stop: () => undefined };
    this.pieces.push(piece);
    if (this.speaking) this.play(piece);
  }

  /** Silence, at once, with the place kept and what comes after it; or on from there, at most a word back. */
  pause(seq: number, on: boolean): void {
    if (on === (this.paused === seq)) return;
    if (!on) {
      this.paused = null;
      if (this.seq !== seq) return;
      this.begin();
      for (const piece of this.pieces) this.play(piece);
      return;
    }
    if (this.seq === seq) {
      this.note(seq);
      this.keep();
      this.sink.volume(0);
      this.changed(false);
      this.played(seq, this.reached.get(seq) ?? 0, false);
    }
    this.paused = seq;
  }

  /** Silence, at once; what was heard is told. */
  stop(): void {
    this.end();
    this.paused = null;
  }

  private end(): void {
    const { seq, pieces } = this;
    if (seq === null) return;
    this.note(seq);
    this.pieces = [];
    this.seq = null;
    for (const piece of pieces) piece.stop(0);
    this.played(seq, this.reached.get(seq) ?? 0, false);
    this.changed(false);
  }

  private begin(): void {
    this.nextAt = 0;
    this.sink.volume(1);
    this.changed(true);
  }

  private play(piece: Piece): void {
    const at = Math.max(this.sink.now() + LEAD_S, this.nextAt);
    piece.at = at;
    this.nextAt = at + piece.pcm.length / piece.rate;
    piece.stop = this.sink.play(piece.pcm, piece.rate, at, () => this.ended(piece));
  }

  /** Seconds of a piece that were played by now. */
  private passed({ pcm, rate, at }: Piece): number {
    return at === null ? 0 : Math.min(pcm.length / rate, Math.max(0, this.sink.now() - at));
  }

  /** Notes how much was heard; what is said again after a pause counts once. */
  private note(seq: number): void {
    const playing = this.pieces.reduce((sum, piece) => sum + this.passed(piece), 0);
    const ms = Math.round(this.begun + playing * 1000);
    this.reached.set(seq, Math.max(this.reached.get(seq) ?? 0, ms));
  }

  /** Stops all pieces and keeps what is left of them. */
  private keep(): void {
    const left: Piece[] = [];
    for (const piece of this.pieces) {
      const { pcm, rate } = piece;
      const passed = this.passed(piece);
      piece.stop(FADE_S);
      const from = passed >= pcm.length / rate ? pcm.length : Math.max(0, Math.round((passed - BACK_S) * rate));
      this.begun += (from / rate) * 1000;
      if (from < pcm.length) left.push({ pcm: pcm.subarray(from), rate, at: null, stop: () => undefined });
    }
    this.pieces = left;
  }

  private ended(piece: Piece): void {
    const { seq } = this;
    if (seq === null || !this.pieces.includes(piece)) return;
    this.note(seq);
    this.pieces = this.pieces.filter((other) => other !== piece);
    this.begun += (piece.pcm.length / piece.rate) * 1000;
    if (!this.complete || this.pieces.length > 0) return;
    this.seq = null;
    this.played(seq, Math.round(this.begun), true);
    this.changed(false);
  }
}

/** The sound card of a browser. */
export function browserSink(context: AudioContext): Sink {
  const gain = context.createGain();
  gain.connect(context.destination);
  return {
    now: () => context.currentTime,
    volume(level) {
      gain.gain.setTargetAtTime(level, context.currentTime, FADE_S / 3);
    },
    play(pcm, rate, at, ended) {
      const buffer = context.createBuffer(1, Math.max(1, pcm.length), rate);
      buffer.getChannelData(0).set(Float32Array.from(pcm, (sample) => sample / 32768));
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.connect(gain);
      source.onended = ended;
      source.start(at);
      return (afterSeconds) => {
        source.onended = null;
        source.stop(context.currentTime + afterSeconds);
      };
    },
  };
}
