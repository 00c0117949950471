/** Keeps one draft in step with the server: sends what was changed, hears what others changed. */
import { RestError } from '../../shared/rest';
import { fetchDraft, refusal, sendOperations } from './graphApi';
import type { Draft } from './graphApi';
import * as session from './draftSession';
import type { Session } from './draftSession';
import type { Operation } from './operations';

/** Keystrokes that come at once go in one request. */
const GATHER_MS = 40;
const RETRY_MS = 3_000;

export type LinkState = 'saved' | 'saving' | 'offline' | 'gone';

export interface DraftState {
  draft: Draft;
  session: Session;
  link: LinkState;
}

export interface Ports {
  now(): number;
  /** A refusal that is not a matter of others' changes. */
  onRefused(error: unknown): void;
  /** Others changed something and it was laid under one's own changes. */
  onOthers(by: string): void;
}

export class DraftClient {
  state: DraftState;
  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What is on its way: one request at a time. */
  #running: Promise<boolean> | undefined;
  #closed = false;

  constructor(
    draft: Draft,
    readonly ports: Ports,
  ) {
    this.state = { draft, session: session.open(draft.revision, draft.graph, draft.problems), link: 'saved' };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #set(next: Session, link: LinkState = this.state.link): void {
    this.state = { ...this.state, session: next, link };
    for (const listener of this.#listeners) listener();
  }

  edit(operations: readonly Operation[]): void {
    this.#changed(session.edit(this.state.session, operations, this.ports.now()));
  }

  undo(): void {
    this.#changed(session.undo(this.state.session));
  }

  redo(): void {
    this.#changed(session.redo(this.state.session));
  }

  settle(take: 'mine' | 'theirs'): void {
    this.#changed(session.settle(this.state.session, take));
  }

  #changed(next: Session): void {
    if (next === this.state.session) return;
    this.#set(next, session.saved(next) ? 'saved' : 'saving');
    this.#soon(GATHER_MS);
  }

  #soon(ms: number): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), ms);
  }

  /** Sends what waits, until nothing does; true once all is with the server. */
  flush(): Promise<boolean> {
    return this.#alone(() => this.#send());
  }

  async #alone(work: () => Promise<boolean>): Promise<boolean> {
    clearTimeout(this.#timer);
    while (this.#running) await this.#running;
    const running = work().finally(() => (this.#running = undefined));
    this.#running = running;
    return running;
  }

  async #send(): Promise<boolean> {
    try {
      while (!this.#closed && this.state.session.waiting.length > 0 && this.state.session.conflict === null) {
        this.#set(session.send(this.state.session), 'saving');
        const { revision, sending } = this.state.session;
        const answer = await sendOperations(this.state.draft.id, revision, sending);
        if ('changed' in answer) {
          const { changed } = answer;
          this.#set(session.overtaken(this.state.session, changed.revision, changed.operations, changed.by));
          this.ports.onOthers(changed.by);
        } else this.#set(session.accepted(this.state.session, answer.revision, answer.problems));
      }
    } catch (error) {
      this.#failed(error);
      return false;
    }
    const saved = session.saved(this.state.session);
    if (saved) this.#set(this.state.session, 'saved');
    return saved;
  }

  #failed(error: unknown): void {
    const status = error instanceof RestError ? error.status : 0;
    if (status === 404) this.#set(session.refused(this.state.session), 'gone');
    else if (status === 422 || status === 413) {
      this.#set(session.refused(this.state.session), 'saved');
      this.ports.onRefused(error);
      this.#soon(GATHER_MS);
    } else {
      this.#set(session.returned(this.state.session), 'offline');
      if (status === 401 || refusal(error)) this.ports.onRefused(error);
      this.#soon(RETRY_MS);
    }
  }

  /** Others have changed the draft while nothing of mine waits: what they made of it is shown. */
  async catchUp(revision: number): Promise<void> {
    const behind = () => !this.#closed && session.saved(this.state.session) && revision > this.state.session.revision;
    if (this.#running || !behind()) return;
    await this.#alone(async () => {
      try {
        const draft = await fetchDraft(this.state.draft.id);
        if (behind()) {
          this.replace(draft);
          this.ports.onOthers('');
        }
      } catch (error) {
        this.#failed(error);
      }
      return session.saved(this.state.session);
    });
    // What was typed meanwhile still waits.
    if (!session.saved(this.state.session)) this.#soon(GATHER_MS);
  }

  /** Takes the draft as the server has it now, such as after a merge. */
  replace(draft: Draft): void {
    this.state = { ...this.state, draft };
    this.#set(session.open(draft.revision, draft.graph, draft.problems), 'saved');
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
