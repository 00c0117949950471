/** The customer's connection: joins the pure state, the socket and the browser's memory. */
import type { Lang, ReliableFrame } from './frames';
import { readServerFrame } from './frames';
import type { ChatEvent, ChatState } from './chatState';
import { helloFrame, initialState, step } from './chatState';
import { Link, browserOutside } from './link';
import type { Outside } from './link';
import type { Keep } from './memory';

const TYPING_AGAIN_MS = 3_000;
const TYPING_OFF_MS = 5_000;

/** `Omit` that keeps the members of a union apart. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export interface ChatOptions {
  url: string;
  locale: Lang;
  identity?: { customer: string; hmac: string };
  keep: Keep;
  outside?: Outside;
  now?: () => Date;
  newId?: () => string;
}

export class ChatClient {
  state: ChatState;
  private readonly listeners = new Set<() => void>();
  private readonly link: Link;
  private readonly outside: Outside;
  private readonly now: () => Date;
  private readonly newId: () => string;
  private typingSentAt = 0;
  private typingTimer: number | null = null;
  private lastRead = 0;
  /** Gets everything that arrives, binary frames too: voice listens here while it is loaded. */
  onArrival: ((data: unknown) => void) | null = null;

  constructor(private readonly options: ChatOptions) {
    this.outside = options.outside ?? browserOutside;
    this.now = options.now ?? (() => new Date());
    this.newId = options.newId ?? (() => uuid());
    this.state = initialState(options.locale, options.keep.load());
    this.link = new Link(
      options.url,
      {
        connecting: () => this.apply({ type: 'connecting' }),
        open: () => {
          this.link.send(helloFrame(this.state, options.identity));
          this.apply({ type: 'opened' });
        },
        data: (data) => this.onData(data),
        lost: (code) => {
          this.apply({ type: 'lost', code });
          return this.state.link !== 'refused';
        },
        rateLimited: () => this.state.lastError === 'rate_limited',
      },
      this.outside,
    );
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  connect(): void {
    this.link.start();
  }

  get started(): boolean {
    return this.state.link !== 'idle';
  }

  wake(): void {
    this.link.wake();
  }

  disconnect(): void {
    this.link.stop();
  }

  say(text: string): void {
    this.put({ type: 'message', text }, text);
    this.typing(false);
  }

  /** A picture that was uploaded, with or without words. */
  show(upload: string, words: string, label: string): void {
    this.put(words ? { type: 'image', upload, text: words } : { type: 'image', upload }, label);
    this.typing(false);
  }

  choose(seq: number, value: string, label: string): void {
    this.put({ type: 'choice', seq, value }, label);
  }

  human(): void {
    this.put({ type: 'human' }, '');
  }

  backToBot(): void {
    this.put({ type: 'bot' }, '');
  }

  restart(): void {
    this.put({ type: 'restart' }, '');
  }

  rate(seq: number, score: number): void {
    this.put({ type: 'feedback', seq, score }, '');
  }

  /** How the whole conversation was. */
  rateAll(verdict: { score?: number; solved?: boolean; comment?: string }): void {
    this.put({ type: 'feedback', ...verdict }, '');
  }

  leaveContact(details: { phone?: string; email?: string; note?: string }): void {
    this.put({ type: 'contact', ...details }, '');
  }

  retry(id: string): void {
    this.apply({ type: 'retry', id });
  }

  discard(id: string): void {
    this.apply({ type: 'discard', id });
  }

  dismiss(): void {
    this.apply({ type: 'dismiss' });
  }

  setLocale(locale: Lang): void {
    if (locale !== this.state.locale) this.apply({ type: 'locale', locale });
  }

  read(seq: number): void {
    if (seq <= this.lastRead || this.state.link !== 'ready') return;
    if (this.link.send({ type: 'read', seq })) this.lastRead = seq;
  }

  /** Called on every key press with `true`; tells the other side seldom, and when it stops. */
  typing(on: boolean): void {
    if (this.typingTimer !== null) this.outside.clearTimeout(this.typingTimer);
    this.typingTimer = null;
    if (this.state.link !== 'ready' || this.state.mode === 'bot') {
      this.typingSentAt = 0;
      return;
    }
    const now = this.now().getTime();
    if (on) {
      if (now - this.typingSentAt > TYPING_AGAIN_MS) {
        this.link.send({ type: 'typing', on: true });
        this.typingSentAt = now;
      }
      this.typingTimer = this.outside.setTimeout(() => this.typing(false), TYPING_OFF_MS);
    } else if (this.typingSentAt > 0) {
      this.link.send({ type: 'typing', on: false });
      this.typingSentAt = 0;
    }
  }

  /** A frame of voice: sent now or never. */
  sendNow(frame: object): boolean {
    return this.state.link === 'ready' && this.link.send(frame);
  }

  sendBinary(data: ArrayBuffer): boolean {
    return this.state.link === 'ready' && this.link.sendBinary(data);
  }

  /** Another tab of the same site stored a session. */
  adoptStored(): void {
    const session = this.options.keep.session();
    if (session && this.state.conversation !== null) this.apply({ type: 'adopt', ...session });
  }

  private put(frame: Without<ReliableFrame, 'id'>, label: string): void {
    const whole = { ...frame, id: this.newId() } as ReliableFrame;
    this.apply({ type: 'put', frame: whole, label, at: this.now().toISOString() });
    this.connect();
  }

  private onData(data: unknown): void {
    this.onArrival?.(data);
    const frame = readServerFrame(data);
    if (!frame) return;
    if (frame.type === 'welcome') {
      if (frame.conversation !== this.state.conversation) this.lastRead = 0;
      this.link.settled();
    }
    this.apply({ type: 'frame', frame });
    if (frame.type === 'error' && frame.id !== undefined && frame.retry_s) this.againIn(frame.retry_s, frame.id);
  }

  /** Sends again what was put off; not all pages in the same moment. */
  private againIn(seconds: number, id: string): void {
    this.outside.setTimeout(() => this.retry(id), 1000 * seconds * (1 + this.outside.random() / 2));
  }

  private apply(event: ChatEvent): void {
    const before = this.state;
    const next = step(before, event);
    this.state = next.state;
    this.remember(before);
    for (const frame of next.send) this.link.send(frame);
    if (next.reconnect === 'now') this.link.reconnectNow();
    else if (next.reconnect === 'later') this.link.reconnectLater();
    if (this.state !== before) for (const listener of [...this.listeners]) listener();
  }

  private remember(before: ChatState): void {
    const { keep } = this.options;
    const { state } = this;
    // Before anything is sent: what is not stored when the page dies is lost.
    if (state.outbox !== before.outbox) keep.saveOutbox(state.outbox);
    if (state.token !== before.token || state.conversation !== before.conversation) {
      keep.saveSession(state.conversation, state.token);
    }
    if (state.locale !== before.locale || state.localeChosen !== before.localeChosen) {
      keep.saveLocale(state.locale, state.localeChosen);
    }
  }
}

/** A random UUID, also where the page is not a secure context and `crypto.randomUUID` is missing. */
export function uuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
