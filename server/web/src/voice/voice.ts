/** Talking: microphone out, transcript and spoken replies in. Loaded when the customer first presses the microphone. */
import { MicrophoneError, RATE, loudness, openMicrophone } from './microphone';
import type { Microphone } from './microphone';
import { Player, browserSink } from './player';
import type { Sink } from './player';
import { Reader } from './reader';
import { OFF } from './state';
import type { VoiceState } from './state';

/** What voice needs of the customer's connection. */
export interface Line {
  send(frame: object): boolean;
  sendBinary(data: ArrayBuffer): boolean;
  newId(): string;
}

const LEVEL_EVERY = 3;
/** After letting go the server still recognises; then the microphone counts as off. */
const ENDING_MS = 12_000;

export class Voice {
  state: VoiceState = OFF;
  private readonly listeners = new Set<() => void>();
  private readonly player: Player;
  private readonly reader: Reader;
  private microphone: Microphone | null = null;
  private id = '';
  private attempt = 0;
  private frames = 0;
  private announced: { seq: number; rate: number; last: boolean } | null = null;
  private timer = 0;
  private sound: { context: AudioContext; sink: Sink } | null = null;

  constructor(
    private readonly line: Line,
    private readonly origin: string,
    private readonly open = openMicrophone,
  ) {
    const changed = () => this.set({ speaking: this.player.speaking || this.reader.speaking });
    const sink: Sink = {
      now: () => this.card().now(),
      volume: (level) => this.card().volume(level),
      play: (...piece) => this.card().play(...piece),
    };
    this.player = new Player(sink, (seq, ms, done) => this.line.send({ type: 'played', seq, ms, done }), changed);
    this.reader = new Reader(
      typeof speechSynthesis === 'undefined' ? undefined : speechSynthesis,
      () => performance.now(),
      (seq, ms, parts, share, done) => this.line.send({ type: 'played', seq, ms, parts, share, done }),
      changed,
    );
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Switches the microphone on; `hold`: until the button is let go. */
  async start(hold: boolean): Promise<void> {
    if (this.state.phase === 'starting' || this.state.phase === 'on') return;
    const attempt = ++this.attempt;
    clearTimeout(this.timer);
    this.set({ phase: 'starting', hold, problem: null, text: '', stable: 0, level: 0 });
    this.card();
    let microphone: Microphone;
    try {
      microphone = await this.open(this.origin, (pcm) => this.captured(pcm));
    } catch (error) {
      if (attempt === this.attempt) {
        this.set({ phase: 'off', problem: error instanceof MicrophoneError ? error.problem : 'failed' });
      }
      return;
    }
    if (attempt !== this.attempt) {
      microphone.close();
      return;
    }
    this.microphone = microphone;
    this.id = this.line.newId();
    this.silence();
    if (!this.line.send({ type: 'voice_start', id: this.id, rate: RATE, hold, speak: this.state.aloud })) {
      this.off('lost');
      return;
    }
    this.set({ phase: 'on' });
  }

  /** Switches the microphone off; what was said last is still understood. */
  stop(): void {
    if (this.state.phase === 'starting') {
      this.off(null);
      return;
    }
    if (this.state.phase !== 'on') return;
    this.release();
    this.line.send({ type: 'voice_end', id: this.id });
    this.set({ phase: 'ending', level: 0 });
    this.timer = window.setTimeout(() => this.off(null), ENDING_MS);
  }

  setAloud(aloud: boolean): void {
    this.set({ aloud });
    if (!aloud) this.silence();
  }

  /** No reply is spoken on: the customer types, or has heard enough. */
  silence(): void {
    this.player.stop();
    this.reader.stop();
  }

  /** The connection is gone, or the chat is closed. */
  lost(): void {
    this.silence();
    if (this.state.phase !== 'off') this.off('lost');
  }

  close(): void {
    this.silence();
    this.stop();
  }

  /** Everything that the socket brings. */
  received(data: unknown): void {
    if (data instanceof ArrayBuffer) {
      this.heard(data);
      return;
    }
    const frame = readFrame(data);
    switch (frame['type']) {
      case 'transcript':
        if (frame['id'] !== this.id) return;
        if (frame['final'] === true) this.set({ text: '', stable: 0 });
        else this.set({ text: String(frame['text'] ?? ''), stable: Number(frame['stable'] ?? 0) });
        return;
      case 'audio':
        this.announced = { seq: Number(frame['seq']), rate: Number(frame['rate']), last: frame['last'] === true };
        return;
      case 'speak':
        this.speak(frame);
        return;
      case 'audio_stop':
        this.silence();
        return;
      case 'audio_lower':
        this.player.pause(Number(frame['seq']), frame['on'] === true);
        this.reader.pause(Number(frame['seq']), frame['on'] === true);
        return;
      case 'voice_end':
        if (frame['id'] === this.id) this.off(WHY[String(frame['why'])] ?? null);
        return;
      case 'error':
        // A refusal to begin; refusals of single frames do not end the session.
        if (frame['id'] === this.id && (frame['code'] === 'busy' || frame['code'] === 'unsupported')) {
          this.off(frame['code'] === 'busy' ? 'busy' : 'unsupported');
        }
    }
  }

  private speak(frame: Record<string, unknown>): void {
    const parts = Array.isArray(frame['parts']) ? frame['parts'].map(String) : [];
    const language = frame['language'] === 'en' ? 'en' : 'zh';
    if (this.state.aloud) this.reader.speak(Number(frame['seq']), language, parts, Number(frame['from'] ?? 0));
    else this.line.send({ type: 'played', seq: Number(frame['seq']), ms: 0, parts: 0, done: true });
  }

  private heard(data: ArrayBuffer): void {
    const { announced } = this;
    this.announced = null;
    if (!announced || !(announced.rate > 0) || data.byteLength % 2) return;
    const { seq, rate, last } = announced;
    if (this.state.aloud) this.player.add(seq, new Int16Array(data), rate, last);
    else if (last) this.line.send({ type: 'played', seq, ms: 0, done: true });
  }

  private captured(pcm: ArrayBuffer): void {
    if (this.state.phase !== 'on') return;
    if (!this.line.sendBinary(pcm)) {
      this.lost();
      return;
    }
    this.frames += 1;
    if (this.frames % LEVEL_EVERY === 0) this.set({ level: loudness(pcm) });
  }

  private release(): void {
    this.microphone?.close();
    this.microphone = null;
  }

  private off(problem: VoiceState['problem']): void {
    this.attempt += 1;
    clearTimeout(this.timer);
    this.release();
    this.set({ phase: 'off', level: 0, text: '', stable: 0, problem });
  }

  /** The sound card; opened when it is first needed, which is at a press of a button. */
  private card(): Sink {
    if (!this.sound) {
      const context = new AudioContext();
      this.sound = { context, sink: browserSink(context) };
    }
    if (this.sound.context.state === 'suspended') void this.sound.context.resume();
    return this.sound.sink;
  }

  private set(change: Partial<VoiceState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of [...this.listeners]) listener();
  }
}

const WHY: Readonly<Record<string, VoiceState['problem']>> = {
  silence: 'silence',
  no_audio: 'failed',
  too_long: 'long',
  too_fast: 'failed',
};

function readFrame(data: unknown): Record<string, unknown> {
  if (typeof data !== 'string') return {};
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
