/**
 * What the customer's side of a conversation knows, and how each event changes it. No socket, clock or storage in here:
 * `step` takes the state and an event and gives the next state with what must be sent.
 *
 * Invariants: messages ascend by `seq` and hold each `seq` once; `lastSeq` is the highest without a gap before it; what
 * the customer wrote stays in `outbox` until the transcript shows it or the customer throws it away.
 */
import { CLOSE_POLICY, CLOSE_TOO_BIG } from './backoff';
import type { ChatMessage, ChatMode, ClientFrame, HelloFrame, Lang, ReliableFrame, ServerFrame } from './frames';
import { clearLanguage } from './text';

export type OutboxState = 'queued' | 'sent' | 'acked' | 'failed';

export interface Outgoing {
  frame: ReliableFrame;
  /** What the customer sees until the message comes back: the text typed or the choice's label. */
  label: string;
  at: string;
  state: OutboxState;
  /** From the acknowledgement. */
  seq?: number;
  /** Error code, while `failed`. */
  error?: string;
}

export type Link = 'idle' | 'connecting' | 'ready' | 'lost' | 'refused';

export interface ChatState {
  link: Link;
  /** Attempts since the last welcome. */
  attempt: number;
  conversation: string | null;
  token: string | null;
  /** Language of the interface. */
  locale: Lang;
  /** The customer chose the language by hand; holds until they write in the other one. */
  localeChosen: boolean;
  mode: ChatMode;
  position: number | null;
  waitSeconds: number | null;
  /** Who has the conversation or, while waiting, is being asked to take it. */
  agent: string | null;
  team: string | null;
  /** While waiting: whether somebody is there now, and when somebody will be. */
  open: boolean;
  opensAt: string | null;
  /** The conversation is over and the customer may say how it was. */
  rateable: boolean;
  messages: ChatMessage[];
  lastSeq: number;
  /** `seq` at the last welcome: what comes after is new to the customer. */
  liveAfter: number;
  /** True from welcome until the transcript up to `liveAfter` has arrived. */
  replaying: boolean;
  /** The `lastSeq` after which a gap was already asked for again. */
  gapAfter: number | null;
  outbox: Outgoing[];
  typing: 'bot' | 'agent' | null;
  readByAgent: number;
  feedback: Readonly<Record<number, number>>;
  /** The customer said how the conversation was. */
  rated: boolean;
  /** The customer left contact details. */
  contacted: boolean;
  restarting: boolean;
  /** An error that belongs to no message of the customer's. */
  notice: { code: string; message: string } | null;
  lastError: string | null;
}

export type ChatEvent =
  | { type: 'connecting' }
  | { type: 'opened' }
  | { type: 'lost'; code: number }
  | { type: 'frame'; frame: ServerFrame }
  | { type: 'put'; frame: ReliableFrame; label: string; at: string }
  | { type: 'retry'; id: string }
  | { type: 'discard'; id: string }
  | { type: 'locale'; locale: Lang }
  | { type: 'adopt'; conversation: string; token: string }
  | { type: 'dismiss' };

export interface Step {
  state: ChatState;
  send: ClientFrame[];
  /** `now`: drop the socket and connect again at once; `later`: after a pause. */
  reconnect?: 'now' | 'later';
}

export interface Remembered {
  conversation?: string | null;
  token?: string | null;
  locale?: Lang;
  localeChosen?: boolean;
  outbox?: Outgoing[];
}

/** What only the mode tells, at the beginning of one. */
const NOBODY = { agent: null, team: null, open: true, opensAt: null, rateable: false } as const;

export function initialState(locale: Lang, remembered: Remembered = {}): ChatState {
  return {
    link: 'idle',
    attempt: 0,
    conversation: remembered.conversation ?? null,
    token: remembered.token ?? null,
    locale: remembered.localeChosen && remembered.locale ? remembered.locale : locale,
    localeChosen: remembered.localeChosen ?? false,
    mode: 'bot',
    position: null,
    waitSeconds: null,
    ...NOBODY,
    messages: [],
    lastSeq: 0,
    liveAfter: 0,
    replaying: false,
    gapAfter: null,
    outbox: (remembered.outbox ?? []).map((item) => (item.state === 'sent' ? { ...item, state: 'queued' } : item)),
    typing: null,
    readByAgent: 0,
    feedback: {},
    rated: false,
    contacted: false,
    restarting: (remembered.outbox ?? []).some((item) => item.frame.type === 'restart' && item.state !== 'failed'),
    notice: null,
    lastError: null,
  };
}

export function helloFrame(state: ChatState, identity?: { customer: string; hmac: string }): HelloFrame {
  return {
    type: 'hello',
    locale: state.locale,
    last_seq: state.lastSeq,
    ...(state.conversation !== null && state.token !== null
      ? { conversation: state.conversation, token: state.token }
      : {}),
    ...(identity ? { identity } : {}),
  };
}

export function step(state: ChatState, event: ChatEvent): Step {
  switch (event.type) {
    case 'connecting':
      return quiet({ ...state, link: 'connecting' });
    case 'opened':
      return quiet(state);
    case 'lost':
      return lost(state, event.code);
    case 'put':
      return put(state, { frame: event.frame, label: event.label, at: event.at, state: 'queued' });
    case 'retry':
      return flush({
        ...state,
        outbox: state.outbox.map((item) => (item.frame.id === event.id ? withoutError(item) : item)),
      });
    case 'discard':
      return quiet({ ...state, outbox: state.outbox.filter((item) => item.frame.id !== event.id) });
    case 'locale': {
      const next: ChatState = { ...state, locale: event.locale, localeChosen: true };
      const untouched =
        state.link === 'ready' &&
        !state.replaying &&
        state.mode === 'bot' &&
        state.outbox.length === 0 &&
        !state.messages.some((message) => message.role === 'customer');
      // Nothing was said yet: a conversation that greets in the language just chosen takes its place.
      return untouched ? { state: fresh(next, null, null), send: [], reconnect: 'now' } : quiet(next);
    }
    case 'adopt':
      // Another tab of this site has moved on to a new conversation: follow it.
      if (state.conversation === event.conversation) return quiet(state);
      return { state: fresh(state, event.conversation, event.token), send: [], reconnect: 'now' };
    case 'dismiss':
      return quiet({ ...state, notice: null });
    case 'frame':
      return onFrame(state, event.frame);
  }
}

const quiet = (state: ChatState): Step => ({ state, send: [] });

const withoutError = ({ error: _, ...item }: Outgoing): Outgoing => ({ ...item, state: 'queued' });

function lost(state: ChatState, code: number): Step {
  // An acknowledged restart without its welcome is not done either.
  const open = (item: Outgoing) => item.state === 'sent' || (item.state === 'acked' && item.frame.type === 'restart');
  let outbox = state.outbox.map((item): Outgoing => (open(item) ? { ...item, state: 'queued' } : item));
  if (code === CLOSE_TOO_BIG) {
    // The frame that broke the connection would break the next one too: the last that went out on this one.
    const culprit = state.outbox.findLast((item) => item.state === 'sent');
    outbox = outbox.map((item) =>
      item.frame.id === culprit?.frame.id ? { ...item, state: 'failed', error: 'too_large' } : item,
    );
  }
  let next: ChatState = { ...state, link: 'lost', attempt: state.attempt + 1, outbox, typing: null, replaying: false };
  if (code === CLOSE_POLICY && state.lastError !== 'rate_limited') {
    if (next.token !== null && state.link !== 'ready') next = { ...fresh(next, null, null), link: 'lost' };
    else if (state.link !== 'ready') next = { ...next, link: 'refused' };
  }
  return quiet(next);
}

/** The same person in another conversation: the transcript goes, words not yet delivered stay. */
function fresh(state: ChatState, conversation: string | null, token: string | null): ChatState {
  return {
    ...state,
    conversation,
    token,
    mode: 'bot',
    position: null,
    waitSeconds: null,
    ...NOBODY,
    messages: [],
    lastSeq: 0,
    liveAfter: 0,
    gapAfter: null,
    typing: null,
    readByAgent: 0,
    feedback: {},
    rated: false,
    contacted: false,
    restarting: false,
    outbox: state.outbox
      .slice(state.outbox.findLastIndex((item) => item.frame.type === 'restart') + 1)
      .concat(failedBeforeRestart(state.outbox))
      .filter((item) => item.frame.type === 'message' && item.state !== 'acked'),
  };
}

function failedBeforeRestart(outbox: Outgoing[]): Outgoing[] {
  const at = outbox.findLastIndex((item) => item.frame.type === 'restart');
  return outbox.slice(0, Math.max(at, 0)).filter((item) => item.state === 'failed');
}

function put(state: ChatState, item: Outgoing): Step {
  const { frame } = item;
  // Asking twice for the same thing is asking once.
  const pending = (type: string) => state.outbox.some((other) => other.frame.type === type && other.state !== 'failed');
  if ((frame.type === 'human' || frame.type === 'bot' || frame.type === 'restart') && pending(frame.type)) {
    return quiet(state);
  }
  if (frame.type === 'choice' && state.outbox.some((other) => other.frame.type === 'choice' && other.frame.seq === frame.seq)) {
    return quiet(state);
  }
  const said = verdict(frame, state.feedback);
  return flush({ ...state, ...said, outbox: [...state.outbox, item], notice: null });
}

/** What the customer's judgement or details change at once, before the server has them. */
function verdict(frame: ReliableFrame, feedback: ChatState['feedback']): Partial<ChatState> {
  if (frame.type === 'contact') return { contacted: true };
  if (frame.type !== 'feedback') return {};
  return frame.seq === undefined ? { rated: true } : { feedback: { ...feedback, [frame.seq]: frame.score ?? 0 } };
}

/** Everything queued goes out in order; nothing passes a restart that is still on its way. */
function flush(state: ChatState): Step {
  if (state.link !== 'ready') {
    return quiet({ ...state, restarting: state.outbox.some((item) => item.frame.type === 'restart' && item.state !== 'failed') });
  }
  const send: ClientFrame[] = [];
  let restarting = false;
  const outbox = state.outbox.map((item): Outgoing => {
    if (item.frame.type === 'restart' && (item.state === 'sent' || item.state === 'acked')) restarting = true;
    if (item.state !== 'queued' || restarting) return item;
    if (item.frame.type === 'restart') restarting = true;
    send.push(item.frame);
    return { ...item, state: 'sent' };
  });
  return { state: { ...state, outbox, restarting }, send };
}

function onFrame(state: ChatState, frame: ServerFrame): Step {
  switch (frame.type) {
    case 'welcome': {
      const changed = frame.conversation !== state.conversation;
      const behind = !changed && frame.seq < state.lastSeq;
      const base = changed || behind ? fresh(state, frame.conversation, frame.token) : state;
      const next: ChatState = {
        ...base,
        outbox: behind ? state.outbox : base.outbox,
        link: 'ready',
        attempt: 0,
        token: frame.token,
        conversation: frame.conversation,
        mode: frame.mode,
        position: frame.mode === 'waiting' ? base.position : null,
        waitSeconds: frame.mode === 'waiting' ? base.waitSeconds : null,
        ...(frame.mode === base.mode ? {} : NOBODY),
        locale: state.localeChosen ? state.locale : frame.locale,
        liveAfter: frame.seq,
        replaying: frame.seq > base.lastSeq,
        lastError: null,
      };
      // A server that knows less than we do lost its newest messages: ask for the transcript as it is there.
      return behind ? { state: next, send: [], reconnect: 'now' } : flush(next);
    }
    case 'ack':
      return acknowledged(state, frame.id, frame.seq);
    case 'message':
      return received(state, frame);
    case 'typing': {
      const who = frame.role === 'agent' ? 'agent' : 'bot';
      return quiet({ ...state, typing: frame.on ? who : state.typing === who ? null : state.typing });
    }
    case 'mode':
      return quiet({
        ...state,
        mode: frame.mode,
        position: frame.position ?? null,
        waitSeconds: frame.wait_s ?? null,
        agent: frame.agent ?? (frame.mode === 'human' && state.mode === 'human' ? state.agent : null),
        team: frame.team ?? null,
        open: frame.open ?? true,
        opensAt: frame.opens_at ?? null,
        rateable: frame.mode === 'closed' && frame.rate === true,
        rated: frame.mode === 'closed' && state.rated,
        typing: frame.mode === 'bot' ? state.typing : state.typing === 'bot' ? null : state.typing,
      });
    case 'read':
      return quiet({ ...state, readByAgent: Math.max(state.readByAgent, frame.seq) });
    case 'error':
      return refused(state, frame.code, frame.message, frame.id);
    case 'pong':
      return quiet(state);
  }
}

function acknowledged(state: ChatState, id: string, seq: number | undefined): Step {
  const item = state.outbox.find((other) => other.frame.id === id);
  if (!item) return quiet(state);
  const shown = item.frame.type === 'message' || item.frame.type === 'choice';
  const arrived = seq === undefined || state.messages.some((message) => message.seq === seq);
  if (item.frame.type === 'restart' || (shown && !arrived)) {
    // A restart is done when the new conversation says welcome; a message when the transcript shows it.
    return quiet({
      ...state,
      outbox: state.outbox.map((other) =>
        other === item ? { ...item, state: 'acked', ...(seq === undefined ? {} : { seq }) } : other,
      ),
    });
  }
  return quiet({ ...state, outbox: state.outbox.filter((other) => other !== item) });
}

function received(state: ChatState, frame: { type: 'message' } & ChatMessage): Step {
  const { type: _, ...message } = frame;
  const outbox =
    message.role === 'customer'
      ? state.outbox.filter(
          (item) => item.frame.id !== message.client_id && !(item.state === 'acked' && item.seq === message.seq),
        )
      : state.outbox;
  const known = message.seq <= state.lastSeq || state.messages.some((other) => other.seq === message.seq);
  if (known) return quiet({ ...state, outbox });

  const messages = [...state.messages, message].sort((a, b) => a.seq - b.seq);
  const gap = message.seq > state.lastSeq + 1;
  if (gap && state.gapAfter !== state.lastSeq) {
    // Something is missing in between: take up the thread from the last message we are sure of, once.
    return { state: { ...state, outbox, gapAfter: state.lastSeq }, send: [], reconnect: 'now' };
  }
  const next: ChatState = {
    ...state,
    outbox,
    messages,
    lastSeq: message.seq,
    typing: message.role === 'bot' || message.role === 'agent' ? null : state.typing,
    replaying: state.replaying && message.seq < state.liveAfter,
  };
  return quiet(followLanguage(next, message));
}

/** The interface goes over to the other language once customer and answer are both clearly in it. */
function followLanguage(state: ChatState, answer: ChatMessage): ChatState {
  if (answer.seq <= state.liveAfter || (answer.role !== 'bot' && answer.role !== 'agent')) return state;
  const asked = state.messages.findLast((message) => message.role === 'customer');
  const language = clearLanguage(answer.text);
  if (!asked || !language || language === state.locale || clearLanguage(asked.text) !== language) return state;
  return { ...state, locale: language, localeChosen: false };
}

function refused(state: ChatState, code: string, message: string, id: string | undefined): Step {
  if (code === 'bad_token' || code === 'unknown_conversation') {
    if (state.token === null) return quiet({ ...state, lastError: code, notice: { code, message } });
    return {
      state: { ...fresh(state, null, null), lastError: code, notice: { code, message } },
      send: [],
      reconnect: 'now',
    };
  }
  const item = id === undefined ? undefined : state.outbox.find((other) => other.frame.id === id);
  if (state.link === 'connecting') {
    // The hello was not accepted, and no welcome will come on this connection.
    return { state: { ...state, lastError: code }, send: [], reconnect: 'later' };
  }
  if (!item) return quiet({ ...state, lastError: code, notice: { code, message } });
  const mode = code === 'closed' ? 'closed' : state.mode;
  // What was put off stays, whatever it is: it is sent again.
  if (item.frame.type !== 'message' && code !== 'busy') {
    const { [item.frame.type === 'feedback' ? (item.frame.seq ?? -1) : -1]: _, ...feedback } = state.feedback;
    const { type } = item.frame;
    return flush({
      ...state,
      mode,
      feedback,
      rated: state.rated && !(type === 'feedback' && item.frame.seq === undefined),
      contacted: state.contacted && type !== 'contact',
      lastError: code,
      notice: { code, message },
      outbox: state.outbox.filter((other) => other !== item),
    });
  }
  return quiet({
    ...state,
    mode,
    lastError: code,
    outbox: state.outbox.map((other) => (other === item ? { ...item, state: 'failed', error: code } : other)),
  });
}
