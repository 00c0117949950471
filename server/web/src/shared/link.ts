/**
 * A WebSocket that is opened again whenever it is lost: back-off, heartbeat, wake-up when the network returns.
 * It knows nothing of the frames beyond `ping` and `pong`.
 */
import { CLOSE_POLICY, CLOSE_TRY_LATER, reconnectDelay } from './backoff';

const PING_EVERY_MS = 25_000;
const SILENCE_MS = 12_000;
/** For the connection and again for the greeting: a network that swallows packets would hold the page for minutes. */
const HELLO_MS = 10_000;

export interface SocketLike {
  readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
  binaryType?: BinaryType;
  send(data: string | ArrayBuffer): void;
  close(code?: number, reason?: string): void;
}

export interface Outside {
  socket(url: string): SocketLike;
  setTimeout(run: () => void, ms: number): number;
  clearTimeout(timer: number): void;
  random(): number;
}

export const browserOutside: Outside = {
  socket: (url) => new WebSocket(url),
  setTimeout: (run, ms) => window.setTimeout(run, ms),
  clearTimeout: (timer) => window.clearTimeout(timer),
  random: Math.random,
};

export interface LinkEvents {
  connecting(): void;
  /** The socket is open: say hello. */
  open(): void;
  data(data: unknown): void;
  /** Returns false to stay away until `start` is called again. */
  lost(code: number): boolean;
  rateLimited(): boolean;
}

const OPEN = 1;

export class Link {
  private socket: SocketLike | null = null;
  private retry: number | null = null;
  private heartbeat: number | null = null;
  private attempt = 0;
  private running = false;

  constructor(
    private readonly url: string,
    private readonly events: LinkEvents,
    private readonly outside: Outside = browserOutside,
  ) {}

  get isOpen(): boolean {
    return this.socket?.readyState === OPEN;
  }

  start(): void {
    this.running = true;
    if (!this.socket) this.connect();
  }

  stop(): void {
    this.running = false;
    this.drop();
  }

  /** The server greeted us: the next loss starts its back-off from the beginning. */
  settled(): void {
    this.attempt = 0;
    this.watch();
  }

  send(frame: object): boolean {
    if (!this.isOpen) return false;
    this.socket?.send(JSON.stringify(frame));
    return true;
  }

  sendBinary(data: ArrayBuffer): boolean {
    if (!this.isOpen) return false;
    this.socket?.send(data);
    return true;
  }

  /** Drops the connection, if any, and connects again without waiting. */
  reconnectNow(): void {
    if (!this.running) return;
    this.drop();
    this.connect();
  }

  /** Drops the connection as if the server had asked to try later. */
  reconnectLater(): void {
    this.drop();
    this.closed(CLOSE_TRY_LATER);
  }

  /** The network is back or the page was woken: sit out no wait, and no attempt begun before. */
  wake(): void {
    if (!this.running) return;
    if (this.isOpen) this.ping();
    else this.reconnectNow();
  }

  private connect(): void {
    this.cancelTimers();
    this.events.connecting();
    let socket: SocketLike;
    try {
      socket = this.outside.socket(this.url);
    } catch {
      this.closed(1006);
      return;
    }
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    this.expectWithin(HELLO_MS);
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.expectWithin(HELLO_MS);
      this.events.open();
    };
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      this.watch();
      this.events.data(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.closed(event.code);
    };
    // An error is always followed by close, which carries the code.
    socket.onerror = null;
  }

  private closed(code: number): void {
    this.cancelTimers();
    this.socket = null;
    const toldToWait = code === CLOSE_POLICY || code === CLOSE_TRY_LATER;
    const rateLimited = toldToWait && this.events.rateLimited();
    if (!this.events.lost(code) || !this.running) {
      this.running = false;
      return;
    }
    const delay = reconnectDelay(this.attempt, code, rateLimited, this.outside.random());
    this.attempt += 1;
    this.retry = this.outside.setTimeout(() => this.connect(), delay);
  }

  /** Any sign of life restarts the watch; silence after a ping means that the connection is dead. */
  private watch(): void {
    this.cancelHeartbeat();
    this.heartbeat = this.outside.setTimeout(() => this.ping(), PING_EVERY_MS);
  }

  private ping(): void {
    this.send({ type: 'ping', t: Date.now() });
    this.expectWithin(SILENCE_MS);
  }

  private expectWithin(ms: number): void {
    this.cancelHeartbeat();
    this.heartbeat = this.outside.setTimeout(() => {
      this.drop();
      this.closed(1006);
    }, ms);
  }

  private drop(): void {
    this.cancelTimers();
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  private cancelHeartbeat(): void {
    if (this.heartbeat !== null) this.outside.clearTimeout(this.heartbeat);
    this.heartbeat = null;
  }

  private cancelTimers(): void {
    this.cancelHeartbeat();
    if (this.retry !== null) this.outside.clearTimeout(this.retry);
    this.retry = null;
  }
}
