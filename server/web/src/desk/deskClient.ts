/** The desk's connection: joins the pure state, the socket and the REST interface. */
import { Link, browserOutside } from '../shared/link';
import type { Outside } from '../shared/link';
import { uuid } from '../shared/chatClient';
import { parseObject } from '../shared/frames';
import { CLOSE_POLICY } from '../shared/backoff';
import { RestError } from '../shared/rest';
import type { Staff } from '../shared/rest';
import type { Lang, Picture } from '../shared/frames';
import { fetchConversation, fetchCounts, fetchDesk, fetchQueue, fetchTranslation } from './deskApi';
import type { Presence } from './deskApi';
import { deskStep, initialDesk } from './deskState';
import { lastSeq } from './deskThread';
import type { DeskAction, DeskEvent, DeskFrame, DeskState, TransferTarget } from './deskTypes';
import type { Filter, QueueTab } from './rows';
import type { Answer } from './translation';

const FIRST_PAGE = 100;
const NEXT_PAGE = 200;
/** Events come in bursts; the lists are fetched once after each. */
const REFRESH_MS = 400;
const TYPING_AGAIN_MS = 3_000;
const TYPING_OFF_MS = 5_000;
/** How often a shared draft is told to colleagues at most. */
const DRAFT_EVERY_MS = 600;

export class DeskClient {
  state: DeskState;
  private readonly listeners = new Set<() => void>();
  private readonly link: Link;
  private readonly outside: Outside;
  private tab: QueueTab = 'waiting';
  private refreshTimer: number | null = null;
  private typingTimer: number | null = null;
  private typingSentAt = 0;
  private draftTimer: number | null = null;
  private draftWanted: DeskFrame | null = null;
  private readonly fetching = new Set<QueueTab>();
  private readonly readUpTo = new Map<string, number>();

  constructor(
    staff: Staff,
    url: string,
    /** The session has ended: log in again. */
    private readonly onSignedOut: () => void,
    outside: Outside = browserOutside,
  ) {
    this.outside = outside;
    this.state = initialDesk(staff.username, staff.role);
    this.link = new Link(
      url,
      {
        connecting: () => this.apply({ type: 'connecting' }),
        open: () => {
          const { lastEvent, presence } = this.state;
          const hello: DeskFrame = { type: 'hello', ...(lastEvent === null ? {} : { last_event: lastEvent }), presence };
          this.link.send(hello);
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
    if (this.draftTimer !== null) this.outside.clearTimeout(this.draftTimer);
  }

  wake(): void {
    this.link.wake();
  }

  /** Fetches what the desk needs to know once: teams, targets, tags. */
  async begin(): Promise<void> {
    try {
      this.apply({ type: 'info', info: await fetchDesk() });
    } catch (error) {
      // Without it the desk has no teams to transfer to and no targets to show, and works.
      this.signedOut(error);
    }
  }

  showTab(tab: QueueTab): void {
    this.tab = tab;
    void this.list(tab);
  }

  setFilter(filter: Filter): void {
    this.apply({ type: 'filter', filter });
  }

  async list(tab: QueueTab, cursor?: string): Promise<void> {
    if (cursor !== undefined && this.fetching.has(tab)) return;
    if (cursor !== undefined) this.fetching.add(tab);
    const { filter } = this.state;
    try {
      const page = await fetchQueue(tab, filter, cursor === undefined ? FIRST_PAGE : NEXT_PAGE, cursor);
      this.apply({ type: 'listed', tab, page, filter, append: cursor !== undefined });
    } catch (error) {
      // A list that could not be fetched is fetched again with the next event or reconnection.
      this.signedOut(error);
    } finally {
      if (cursor !== undefined) this.fetching.delete(tab);
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

  /** Has a message translated; what comes of it stands in the thread. */
  async translate(conversation: string, seq: number, text: string, source: Lang, target: Lang): Promise<void> {
    this.apply({ type: 'translated', conversation, seq, translation: { to: target, state: 'asked' } });
    const translation = await this.translated(text, source, target);
    this.apply({ type: 'translated', conversation, seq, translation });
  }

  /** A machine translation of a text. */
  async translated(text: string, source: Lang, target: Lang): Promise<Answer> {
    try {
      return await fetchTranslation(text, source, target);
    } catch (error) {
      if (!this.signedOut(error)) throw error;
      return { to: target, state: 'away' };
    }
  }

  take(conversation: string, over = false): void {
    this.act({ type: 'take', id: uuid(), conversation, ...(over ? { over } : {}) });
  }

  release(conversation: string): void {
    this.act({ type: 'release', id: uuid(), conversation });
  }

  wakeUp(conversation: string): void {
    this.act({ type: 'wake', id: uuid(), conversation });
  }

  reopen(conversation: string): void {
    this.act({ type: 'reopen', id: uuid(), conversation });
  }

  /** Back to the bot; `to` is where it goes on: `continue`, an intent, or nothing. */
  giveBack(conversation: string, to: string): void {
    this.act({ type: 'return', id: uuid(), conversation, ...(to ? { to } : {}) });
  }

  snooze(conversation: string, until: Date): void {
    this.act({ type: 'snooze', id: uuid(), conversation, until: until.toISOString() });
  }

  transfer(conversation: string, to: TransferTarget, note: string): void {
    this.act({ type: 'transfer', id: uuid(), conversation, to, note });
  }

  close(conversation: string, outcome: string, tags: string[]): void {
    this.act({ type: 'close', id: uuid(), conversation, outcome, tags });
  }

  mark(conversation: string, seq: number, intent: string, comment: string): void {
    this.act({ type: 'mark', id: uuid(), conversation, seq, ...(intent ? { intent } : {}), ...(comment ? { comment } : {}) });
  }

  write(kind: 'message' | 'note', conversation: string, text: string, picture?: Picture): void {
    this.typing(conversation, false);
    if (kind === 'note') this.act({ type: 'note', id: uuid(), conversation, text });
    else {
      const seen = lastSeq(this.state.threads[conversation]?.messages ?? []);
      this.act({ type: 'message', id: uuid(), conversation, text, seen, ...(picture ? { image: picture.id } : {}) }, picture);
    }
  }

  retry(id: string): void {
    this.apply({ type: 'retry', id });
  }

  /** Sends an answer although a colleague wrote meanwhile. */
  force(id: string): void {
    this.apply({ type: 'force', id, newId: uuid() });
  }

  dismiss(id: string): void {
    this.apply({ type: 'dismiss', id });
  }

  setPresence(presence: Presence): void {
    this.apply({ type: 'presence', presence });
  }

  read(conversation: string, seq: number): void {
    if (this.state.link !== 'ready' || (this.readUpTo.get(conversation) ?? 0) >= seq) return;
    if (!this.link.send({ type: 'read', conversation, seq } satisfies DeskFrame)) return;
    this.readUpTo.set(conversation, seq);
    this.apply({ type: 'read', conversation });
  }

  /** Tells that the agent writes, and what, so that no two answer at once. */
  writing(conversation: string, text: string): void {
    this.typing(conversation, text !== '');
    if (this.state.info === null) return;
    this.draftWanted = { type: 'draft', conversation, text };
    if (this.draftTimer === null) this.sendDraft();
  }

  private sendDraft(): void {
    this.draftTimer = null;
    if (this.draftWanted === null) return;
    this.link.send(this.draftWanted);
    this.draftWanted = null;
    this.draftTimer = this.outside.setTimeout(() => this.sendDraft(), DRAFT_EVERY_MS);
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

  private act(action: DeskAction, picture?: Picture): void {
    this.apply({ type: 'act', action, at: new Date().toISOString(), ...(picture ? { picture } : {}) });
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
      fetchCounts().then(
        (counts) => this.apply({ type: 'counts', counts }),
        (error: unknown) => this.signedOut(error),
      );
    }, REFRESH_MS);
  }

  private signedOut(error: unknown): boolean {
    if (!(error instanceof RestError) || error.status !== 401) return false;
    this.onSignedOut();
    return true;
  }
}
