/** The desk's connection: joins the pure state, the socket and the REST interface. */
import { Link, browserOutside } from '../shared/link';
import type { Outside } from '../shared/link';
import { uuid } from '../shared/chatClient';
import { parseObject } from '../shared/frames';
import { CLOSE_POLICY } from '../shared/backoff';
import { RestError, fetchConversation, fetchQueue } from '../shared/rest';
import type { QueueTab, Staff } from '../shared/rest';
import { deskStep, initialDesk } from './deskState';
import type { DeskAction, DeskEvent, DeskFrame, DeskState, Outcome, Presence } from './deskState';

const PAGE = 50;
/** Events come in bursts; the lists are fetched once after each. */
const REFRESH_MS = 300;
const TYPING_AGAIN_MS = 3_000;
const TYPING_OFF_MS = 5_000;

export class DeskClient {
  state: DeskState;
  private readonly listeners = new Set<() => void>();
  private readonly link: Link;
  private readonly outside: Outside;
  private tab: QueueTab = 'waiting';
  private refreshTimer: number | null = null;
  private typingTimer: number | null = null;
  private typingSentAt = 0;
  private readonly readUpTo = new Map<string, number>();

  constructor(
    staff: Staff,
    url: string,
    /** The session has ended: log in again. */
    private readonly onSignedOut: () => void,
    outside: Outside = browserOutside,
  ) {
    this.outside = outside;
    this.state = initialDesk([staff.username, staff.name]);
    this.link = new Link(
      url,
      {
        connecting: () => this.apply({ type: 'connecting' }),
        open: () => {
          const { lastEvent } = this.state;
          this.link.send({ type: 'hello', ...(lastEvent === null ? {} : { last_event: lastEvent }) });
        },
        data: (data) => this.onData(data),
        lost: (code) => {
          const refused = code === CLOSE_POLICY;
          this.apply({ type: 'lost', refused });
          if (refused) this.onSignedOut();
          return !refused;
        },
        rateLimited: () => false,
      },
      outside,
    );
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  start(): void {
    this.link.start();
  }

  stop(): void {
    this.link.stop();
    if (this.refreshTimer !== null) this.outside.clearTimeout(this.refreshTimer);
    if (this.typingTimer !== null) this.outside.clearTimeout(this.typingTimer);
  }

  wake(): void {
    this.link.wake();
  }

  showTab(tab: QueueTab): void {
    this.tab = tab;
    void this.list(tab);
  }

  async list(tab: QueueTab, before?: number): Promise<void> {
    try {
      const rows = await fetchQueue(tab, PAGE, before);
      this.apply({ type: 'listed', tab, rows, more: rows.length >= PAGE, append: before !== undefined });
    } catch (error) {
      // A list that could not be fetched is fetched again with the next event or reconnection.
      this.signedOut(error);
    }
  }

  /** Fetches the lists again: the stream does not tell what is said in conversations that are not open here. */
  refresh(): void {
    if (this.state.link === 'ready') this.refreshSoon();
  }

  select(conversation: string | null): void {
    this.apply({ type: 'select', conversation });
    if (conversation !== null) void this.load(conversation);
  }

  async load(conversation: string): Promise<void> {
    try {
      this.apply({ type: 'loaded', detail: await fetchConversation(conversation) });
    } catch (error) {
      if (!this.signedOut(error)) this.apply({ type: 'loadFailed', conversation });
    }
  }

  take(conversation: string): void {
    this.act({ type: 'take', id: uuid(), conversation });
  }

  giveBack(conversation: string): void {
    this.act({ type: 'return', id: uuid(), conversation });
  }

  release(conversation: string): void {
    this.act({ type: 'release', id: uuid(), conversation });
  }

  close(conversation: string, outcome: Outcome, tags: string[]): void {
    this.act({ type: 'close', id: uuid(), conversation, outcome, tags });
  }

  write(kind: 'message' | 'note', conversation: string, text: string): void {
    this.typing(conversation, false);
    this.act({ type: kind, id: uuid(), conversation, text });
  }

  retry(id: string): void {
    this.apply({ type: 'retry', id });
  }

  dismiss(id: string): void {
    this.apply({ type: 'dismiss', id });
  }

  setPresence(presence: Presence): void {
    this.apply({ type: 'presence', presence });
  }

  read(conversation: string, seq: number): void {
    if (this.state.link !== 'ready' || (this.readUpTo.get(conversation) ?? 0) >= seq) return;
    if (this.link.send({ type: 'read', conversation, seq } satisfies DeskFrame)) this.readUpTo.set(conversation, seq);
  }

  typing(conversation: string, on: boolean): void {
    if (this.typingTimer !== null) this.outside.clearTimeout(this.typingTimer);
    this.typingTimer = null;
    const send = (value: boolean) => this.link.send({ type: 'typing', conversation, on: value } satisfies DeskFrame);
    const now = Date.now();
    if (on) {
      if (now - this.typingSentAt > TYPING_AGAIN_MS && send(true)) this.typingSentAt = now;
      this.typingTimer = this.outside.setTimeout(() => this.typing(conversation, false), TYPING_OFF_MS);
    } else if (this.typingSentAt > 0) {
      send(false);
      this.typingSentAt = 0;
    }
  }

  private act(action: DeskAction): void {
    this.apply({ type: 'act', action, at: new Date().toISOString() });
  }

  private onData(data: unknown): void {
    const frame = parseObject(data);
    if (!frame) return;
    const welcomed = frame['type'] === 'welcome';
    if (welcomed) this.link.settled();
    const { stale } = this.state;
    this.apply({ type: 'frame', frame });
    const { selected } = this.state;
    // What was said while away, or while the bot had it, is in the stored transcript.
    const changed = this.state.stale !== stale && frame['conversation'] === selected;
    if (selected !== null && (welcomed || changed)) void this.load(selected);
  }

  private apply(event: DeskEvent): void {
    const before = this.state;
    const next = deskStep(before, event);
    this.state = next.state;
    for (const frame of next.send) this.link.send(frame);
    if (this.state.stale !== before.stale) this.refreshSoon();
    if (this.state !== before) for (const listener of [...this.listeners]) listener();
  }

  private refreshSoon(): void {
    if (this.refreshTimer !== null) return;
    this.refreshTimer = this.outside.setTimeout(() => {
      this.refreshTimer = null;
      for (const tab of new Set<QueueTab>(['waiting', 'mine', this.tab])) void this.list(tab);
    }, REFRESH_MS);
  }

  private signedOut(error: unknown): boolean {
    if (!(error instanceof RestError) || error.status !== 401) return false;
    this.onSignedOut();
    return true;
  }
}
