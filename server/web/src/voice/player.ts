/**
 * Plays replies that come as PCM, one piece after the other without a gap, and knows how much of each was heard.
 * Time and sound card are passed in.
 */

export interface Sink {
  /** Seconds of the sound card's clock. */
  now(): number;
  /** How loud everything is, from 0 to 1. */
  volume(level: number): void;
  /** Plays from `at` on; gives a function that stops it at once. */
  play(pcm: Int16Array, rate: number, at: number, ended: () => void): () => void;
}

interface Piece {
  at: number;
  seconds: number;
  stop(): void;
}

/** How loud a reply stays while somebody speaks over it. */
const LOWERED = 0.15;
/** Seconds in which it gets softer: at once it would click. */
const FADE_S = 0.03;
/** The first piece waits this long, so that the second one is there when the first ends. */
const LEAD_S = 0.05;

export class Player {
  private seq: number | null = null;
  private pieces: Piece[] = [];
  private complete = false;
  private nextAt = 0;
  /** Milliseconds of each reply that were heard before what plays now. */
  private readonly before = new Map<number, number>();

  constructor(
    private readonly sink: Sink,
    private readonly played: (seq: number, ms: number, done: boolean) => void,
    private readonly changed: (speaking: boolean) => void,
  ) {}

  get speaking(): boolean {
    return this.seq !== null;
  }

  add(seq: number, pcm: Int16Array, rate: number, last: boolean): void {
    if (this.seq !== null && this.seq !== seq) this.stop();
    if (this.seq === null) {
      this.seq = seq;
      this.nextAt = 0;
      this.sink.volume(1);
      this.changed(true);
    }
    this.complete = last;
    const at = Math.max(this.sink.now() + LEAD_S, this.nextAt);
    const piece: Piece = { at, seconds: pcm.length / rate, stop: () => undefined };
    this.pieces.push(piece);
    this.nextAt = at + piece.seconds;
    piece.stop = this.sink.play(pcm, rate, at, () => this.ended(piece));
  }

  /** Much more softly, because somebody speaks over it; or as loudly as before. */
  lower(on: boolean): void {
    if (this.seq !== null) this.sink.volume(on ? LOWERED : 1);
  }

  /** Silence, at once; what was heard is told. */
  stop(): void {
    const { seq, pieces } = this;
    if (seq === null) return;
    const ms = this.heard(seq);
    this.pieces = [];
    this.seq = null;
    for (const piece of pieces) piece.stop();
    this.before.set(seq, ms);
    this.played(seq, ms, false);
    this.changed(false);
  }

  private heard(seq: number): number {
    const now = this.sink.now();
    const playing = this.pieces.reduce((sum, { at, seconds }) => sum + Math.min(seconds, Math.max(0, now - at)), 0);
    return Math.round((this.before.get(seq) ?? 0) + playing * 1000);
  }

  private ended(piece: Piece): void {
    const { seq } = this;
    if (seq === null || !this.pieces.includes(piece)) return;
    this.pieces = this.pieces.filter((other) => other !== piece);
    this.before.set(seq, (this.before.get(seq) ?? 0) + piece.seconds * 1000);
    if (!this.complete || this.pieces.length > 0) return;
    this.seq = null;
    this.played(seq, Math.round(this.before.get(seq) ?? 0), true);
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
      return () => {
        source.onended = null;
        source.stop();
        source.disconnect();
      };
    },
  };
}
