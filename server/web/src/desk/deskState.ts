/**
 * What an agent's desk knows and how each frame, answer and action changes it; pure, as chatState.ts.
 *
 * `event` numbers the desk's stream. Frames about the queue that are not newer than the last event are repeats; messages
 * are told apart by their `seq` in the conversation (notes by their text and time), because the transcript that REST
 * gives and the stream overlap.
 */
import type { ChatMessage, ChatMode, Json, Lang } from '../shared/frames';
import { isLang, list, number, readMessage, readMode, readName, text } from '../shared/frames';
import { readEscalation, readRow } from '../shared/rest';
import type { ConversationDetail, Escalation, QueueTab, Row } from '../shared/rest';

export type Presence = 'online' | 'busy' | 'away';
export const PRESENCES: readonly Presence[] = ['online', 'busy', 'away'];

export type Outcome = 'solved' | 'follow_up' | 'not_solved' | 'no_reply';
export const OUTCOMES: readonly Outcome[] = ['solved', 'follow_up', 'not_solved', 'no_reply'];

export type DeskAction =
  | { type: 'take' | 'release' | 'return'; id: string; conversation: string }
  | { type: 'close'; id: string; conversation: string; outcome: Outcome; tags: string[] }
  | { type: 'message' | 'note'; id: string; conversation: string; text: string };

export type DeskFrame =
  | DeskAction
  | { type: 'hello'; last_event?: number }
  | { type: 'presence'; state: Presence }
  | { type: 'open' | 'leave'; conversation: string }
  | { type: 'typing'; conversation: string; on: boolean }
  | { type: 'read'; conversation: string; seq: number };

export interface DeskMessage extends ChatMessage {
  event?: number;
}

export interface Thread {
  status: 'loading' | 'ready' | 'failed';
  mode: ChatMode;
  agent: string;
  customer: string;
  locale: Lang | '';
  messages: DeskMessage[];
  escalation: Escalation | null;
  customerTyping: boolean;
}

export interface Pending {
  action: DeskAction;
  at: string;
  state: 'queued' | 'sent' | 'acked' | 'failed';
  event?: number;
}

export interface Refusal {
  id: string;
  code: string;
  message: string;
  by: string;
}

export interface DeskState {
  link: 'idle' | 'connecting' | 'ready' | 'lost' | 'refused';
  /** The names under which this agent appears in rows and events. */
  me: readonly string[];
  /** What agents are called, by user name, as far as lists, transcripts and the stream have told. */
  names: Readonly<Record<string, string>>;
  lastEvent: number | null;
  /** `event` at the last welcome: newer ones are news. */
  liveAfter: number;
  presence: Presence;
  lists: Readonly<Partial<Record<QueueTab, readonly Row[]>>>;
  full: Readonly<Partial<Record<QueueTab, boolean>>>;
  selected: string | null;
  threads: Readonly<Record<string, Thread>>;
  unread: Readonly<Record<string, number>>;
  pending: readonly Pending[];
  refusals: readonly Refusal[];
  /** Rises with every piece of news that deserves a sound. */
  bell: number;
  /** Rises when the lists are out of date. */
  stale: number;
}

export type DeskEvent =
  | { type: 'connecting' }
  | { type: 'lost'; refused: boolean }
  | { type: 'frame'; frame: Json }
  | { type: 'act'; action: DeskAction; at: string }
  | { type: 'retry'; id: string }
  | { type: 'dismiss'; id: string }
  | { type: 'presence'; presence: Presence }
  | { type: 'select'; conversation: string | null }
  | { type: 'listed'; tab: QueueTab; rows: Row[]; more: boolean; append: boolean }
  | { type: 'loaded'; detail: ConversationDetail }
  | { type: 'loadFailed'; conversation: string };

export interface DeskStep {
  state: DeskState;
  send: DeskFrame[];
}

export const EMPTY_THREAD: Thread = {
  status: 'loading',
  mode: 'waiting',
  agent: '',
  customer: '',
  locale: '',
  messages: [],
  escalation: null,
  customerTyping: false,
};

export function initialDesk(me: readonly string[]): DeskState {
  return {
    link: 'idle',
    me,
    names: {},
    lastEvent: null,
    liveAfter: 0,
    presence: 'online',
    lists: {},
    full: {},
    selected: null,
    threads: {},
    unread: {},
    pending: [],
    refusals: [],
    bell: 0,
    stale: 0,
  };
}

export const agentName = (state: DeskState, agent: string): string => state.names[agent] ?? agent;

export const isMine = (state: DeskState, agent: string): boolean => agent !== '' && state.me.includes(agent);

const quiet = (state: DeskState): DeskStep => ({ state, send: [] });

export function deskStep(state: DeskState, event: DeskEvent): DeskStep {
  switch (event.type) {
    case 'connecting':
      return quiet({ ...state, link: 'connecting' });
    case 'lost':
      return quiet({
        ...state,
        link: event.refused ? 'refused' : 'lost',
        pending: state.pending.map((item) => (item.state === 'sent' ? { ...item, state: 'queued' } : item)),
      });
    case 'act': {
      const twice = state.pending.some(
        (item) =>
          item.action.conversation === event.action.conversation &&
          item.action.type === event.action.type &&
          event.action.type !== 'message' &&
          event.action.type !== 'note' &&
          item.state !== 'failed',
      );
      if (twice) return quiet(state);
      return flush({ ...state, pending: [...state.pending, { action: event.action, at: event.at, state: 'queued' }] });
    }
    case 'retry':
      return flush({
        ...state,
        pending: state.pending.map((item) => (item.action.id === event.id ? { ...item, state: 'queued' } : item)),
        refusals: state.refusals.filter((item) => item.id !== event.id),
      });
    case 'dismiss':
      return quiet({
        ...state,
        pending: state.pending.filter((item) => item.action.id !== event.id || item.state !== 'failed'),
        refusals: state.refusals.filter((item) => item.id !== event.id),
      });
    case 'presence':
      return {
        state: { ...state, presence: event.presence },
        send: state.link === 'ready' ? [{ type: 'presence', state: event.presence }] : [],
      };
    case 'select':
      return select(state, event.conversation);
    case 'listed': {
      const before = event.append ? (state.lists[event.tab] ?? []) : [];
      const known = new Set(before.map((row) => row.conversation));
      const rows = [...before, ...event.rows.filter((row) => !known.has(row.conversation))];
      return quiet({
        ...state,
        names: event.rows.reduce(named, state.names),
        lists: { ...state.lists, [event.tab]: rows },
        full: { ...state.full, [event.tab]: !event.more },
      });
    }
    case 'loaded':
      return quiet(loaded(state, event.detail));
    case 'loadFailed': {
      const thread = state.threads[event.conversation];
      if (!thread || thread.status === 'ready') return quiet(state);
      return quiet(withThread(state, event.conversation, { ...thread, status: 'failed' }));
    }
    case 'frame':
      return onFrame(state, event.frame);
  }
}

function select(state: DeskState, conversation: string | null): DeskStep {
  const send: DeskFrame[] = [];
  const left = state.selected;
  if (left === conversation) return quiet(state);
  // Conversations of one's own stay open: their messages must ring even while another one is on the screen.
  if (state.link === 'ready' && left !== null && !isMine(state, state.threads[left]?.agent ?? '')) {
    send.push({ type: 'leave', conversation: left });
  }
  if (conversation === null) return { state: { ...state, selected: null }, send };
  if (state.link === 'ready') send.push({ type: 'open', conversation });
  const { [conversation]: _, ...unread } = state.unread;
  const threads = { ...state.threads, [conversation]: state.threads[conversation] ?? EMPTY_THREAD };
  return { state: { ...state, selected: conversation, threads, unread }, send };
}

function withThread(state: DeskState, conversation: string, thread: Thread): DeskState {
  return { ...state, threads: { ...state.threads, [conversation]: thread } };
}

function flush(state: DeskState): DeskStep {
  if (state.link !== 'ready') return quiet(state);
  const send: DeskFrame[] = [];
  const pending = state.pending.map((item): Pending => {
    if (item.state !== 'queued') return item;
    send.push(item.action);
    return { ...item, state: 'sent' };
  });
  return { state: { ...state, pending }, send };
}

type Names = DeskState['names'];

const named = (names: Names, { agent, agentName }: { agent: string; agentName: string }): Names =>
  agent === '' || agentName === '' || names[agent] === agentName ? names : { ...names, [agent]: agentName };

function loaded(state: DeskState, detail: ConversationDetail): DeskState {
  const before = state.threads[detail.conversation] ?? EMPTY_THREAD;
  const messages = detail.messages.reduce(merge, before.messages);
  const thread: Thread = {
    ...before,
    status: 'ready',
    mode: detail.mode,
    agent: detail.agent,
    customer: detail.customer,
    locale: detail.locale,
    escalation: detail.escalation ?? before.escalation,
    messages,
  };
  return {
    ...withThread(state, detail.conversation, thread),
    names: named(state.names, detail),
    // The transcript as stored has what was acknowledged.
    pending: state.pending.filter((item) => item.state !== 'acked' || item.action.conversation !== detail.conversation),
  };
}

const sameNote = (a: ChatMessage, b: ChatMessage): boolean => a.role === b.role && a.at === b.at && a.text === b.text;

/** Adds a message to a transcript, in order, once. */
export function merge(messages: DeskMessage[], message: DeskMessage): DeskMessage[] {
  const note = message.role === 'note';
  const known = messages.findIndex((other) =>
    note || other.role === 'note' ? sameNote(other, message) : other.seq === message.seq,
  );
  if (known >= 0) return messages;
  // A transcript is ordered by seq; a note stands where its time puts it.
  let at = messages.length;
  while (at > 0) {
    const other = messages[at - 1];
    if (!other) break;
    const after = note || other.role === 'note' ? other.at > message.at : other.seq > message.seq;
    if (!after) break;
    at -= 1;
  }
  return [...messages.slice(0, at), message, ...messages.slice(at)];
}

function onFrame(state: DeskState, frame: Json): DeskStep {
  const type = text(frame['type']);
  const conversation = text(frame['conversation']);
  const event = number(frame['event']);
  switch (type) {
    case 'welcome':
      return welcome(state, frame, event);
    case 'ack':
      return quiet(acknowledged(state, text(frame['id']) ?? '', event));
    case 'refused':
      return quiet(refused(state, frame));
    case 'error':
      return quiet(refused(state, frame));
    case 'message': {
      const message = readMessage(frame);
      if (!message || conversation === undefined) return quiet(advance(state, event));
      return quiet(received(advance(state, event), conversation, event === undefined ? message : { ...message, event }, event));
    }
    case 'typing': {
      const thread = conversation === undefined ? undefined : state.threads[conversation];
      const role = text(frame['role']) ?? 'customer';
      if (!thread || conversation === undefined || role !== 'customer') return quiet(state);
      return quiet(withThread(state, conversation, { ...thread, customerTyping: frame['on'] === true }));
    }
    case 'escalation':
    case 'assigned':
    case 'taken':
    case 'released':
    case 'mode':
    case 'closed':
      if (conversation === undefined) return quiet(state);
      if (event !== undefined && state.lastEvent !== null && event <= state.lastEvent) return quiet(state);
      return queueEvent(advance(state, event), type, conversation, frame, event);
    default:
      return quiet(advance(state, event));
  }
}

const advance = (state: DeskState, event: number | undefined): DeskState =>
  event === undefined || (state.lastEvent !== null && event <= state.lastEvent) ? state : { ...state, lastEvent: event };

function welcome(state: DeskState, frame: Json, event: number | undefined): DeskStep {
  const known = new Map(Object.values(state.lists).flatMap((rows) => rows.map((row) => [row.conversation, row])));
  const queue = list(frame['queue']).flatMap((raw) => {
    const row = readRow(raw);
    if (!row) return [];
    // The summaries are short; what the lists had stays until they are fetched again.
    const { id, customer, lastText, lastAt } = known.get(row.conversation) ?? row;
    return [{ ...row, id, customer: row.customer || customer, lastText: row.lastText || lastText, lastAt: row.lastAt || lastAt }];
  });
  const agent = readName(frame['agent']);
  const me = agent !== undefined && !state.me.includes(agent) ? [...state.me, agent] : state.me;
  const next: DeskState = {
    ...state,
    link: 'ready',
    me,
    // The events missed meanwhile follow, each with its own number.
    lastEvent: state.lastEvent ?? event ?? 0,
    liveAfter: event ?? 0,
    lists: {
      ...state.lists,
      waiting: queue.filter((row) => row.mode === 'waiting'),
      mine: queue.filter((row) => row.mode === 'human' && me.includes(row.agent)),
    },
    stale: state.stale + 1,
  };
  const open = new Set((next.lists.mine ?? []).map((row) => row.conversation));
  if (next.selected !== null) open.add(next.selected);
  const flushed = flush(next);
  return {
    state: flushed.state,
    send: [
      { type: 'presence', state: next.presence },
      ...[...open].map((conversation): DeskFrame => ({ type: 'open', conversation })),
      ...flushed.send,
    ],
  };
}

function acknowledged(state: DeskState, id: string, event: number | undefined): DeskState {
  const item = state.pending.find((other) => other.action.id === id);
  if (!item) return state;
  const written = item.action.type === 'message' || item.action.type === 'note';
  const thread = state.threads[item.action.conversation];
  const shown = thread?.messages.some((message) => event !== undefined && message.event === event) ?? false;
  if (written && !shown) {
    return {
      ...state,
      pending: state.pending.map((other) =>
        other === item ? { ...item, state: 'acked', ...(event === undefined ? {} : { event }) } : other,
      ),
    };
  }
  return { ...state, stale: state.stale + 1, pending: state.pending.filter((other) => other !== item) };
}

function refused(state: DeskState, frame: Json): DeskState {
  const id = text(frame['id']) ?? `notice-${state.refusals.length}`;
  const item = state.pending.find((other) => other.action.id === id);
  const refusal: Refusal = {
    id,
    code: text(frame['code']) ?? 'other',
    message: text(frame['message']) ?? '',
    by: readName(frame['by']) ?? '',
  };
  const written = item?.action.type === 'message' || item?.action.type === 'note';
  return {
    ...state,
    stale: state.stale + 1,
    refusals: [...state.refusals.filter((other) => other.id !== id), refusal],
    // What an agent wrote stays to be sent again; a refused take is over.
    pending: state.pending.flatMap((other) =>
      other !== item ? [other] : written ? [{ ...other, state: 'failed' as const }] : [],
    ),
  };
}

function received(state: DeskState, conversation: string, message: DeskMessage, event: number | undefined): DeskState {
  const thread = state.threads[conversation];
  let next = state;
  if (thread) {
    const messages = merge(thread.messages, message);
    if (messages === thread.messages && thread.status === 'ready') return state;
    next = withThread(state, conversation, {
      ...thread,
      messages,
      customerTyping: message.role === 'customer' ? false : thread.customerTyping,
    });
  }
  next = {
    ...next,
    pending: next.pending.filter(
      (item) =>
        item.action.id !== message.client_id &&
        !(item.state === 'acked' && item.event !== undefined && item.event === message.event),
    ),
    lists: mapRows(next.lists, conversation, (row) =>
      message.role === 'note' ? row : { ...row, lastText: message.text, lastAt: message.at },
    ),
  };
  const news = message.role === 'customer' && (event === undefined || event > state.liveAfter);
  if (!news || conversation === state.selected) return next;
  const mine = state.lists.mine?.some((row) => row.conversation === conversation) ?? false;
  return {
    ...next,
    unread: { ...next.unread, [conversation]: (next.unread[conversation] ?? 0) + 1 },
    bell: mine ? next.bell + 1 : next.bell,
  };
}

type Lists = DeskState['lists'];

function mapRows(lists: Lists, conversation: string, change: (row: Row) => Row): Lists {
  return Object.fromEntries(
    Object.entries(lists).map(([tab, rows]) => [
      tab,
      rows.some((row) => row.conversation === conversation)
        ? rows.map((row) => (row.conversation === conversation ? change(row) : row))
        : rows,
    ]),
  );
}

const without = (rows: readonly Row[] | undefined, conversation: string): readonly Row[] =>
  (rows ?? []).filter((row) => row.conversation !== conversation);

function queueEvent(
  state: DeskState,
  type: 'escalation' | 'assigned' | 'taken' | 'released' | 'mode' | 'closed',
  conversation: string,
  frame: Json,
  event: number | undefined,
): DeskStep {
  const agent = readName(frame['agent']) ?? '';
  const news = event === undefined || event > state.liveAfter;
  const modes: Partial<Record<typeof type, ChatMode>> = {
    escalation: 'waiting',
    taken: 'human',
    assigned: 'human',
    released: 'waiting',
    closed: 'closed',
  };
  const mode = type === 'mode' ? readMode(frame['mode']) : modes[type];
  const name = text(frame['name']);
  const names = named(state.names, { agent, agentName: name ?? '' });
  let next: DeskState = { ...state, names, stale: state.stale + 1 };
  const thread = next.threads[conversation];
  if (thread) {
    next = withThread(next, conversation, {
      ...thread,
      mode: mode ?? thread.mode,
      agent: mode === 'human' ? agent || thread.agent : '',
      escalation: type === 'escalation' ? readEscalation(frame) : thread.escalation,
    });
  }
  const known = Object.values(next.lists).flatMap((rows) => rows.filter((row) => row.conversation === conversation))[0];
  const lists = mapRows(next.lists, conversation, (row) => ({ ...row, mode: mode ?? row.mode, agent: mode === 'human' ? agent : '' }));
  const send: DeskFrame[] = [];
  if (type === 'escalation') {
    const row: Row = {
      ...(known ?? { id: null, customer: '', lastText: '', lastAt: '' }),
      conversation,
      mode: 'waiting',
      agent: '',
      agentName: '',
      reason: text(frame['reason']) ?? '',
      language: isLang(frame['language']) ? frame['language'] : (known?.language ?? ''),
      since: text(frame['since']) ?? '',
      summary: text(frame['summary']) ?? '',
      priority: number(frame['priority']) ?? 0,
    };
    next = {
      ...next,
      lists: { ...lists, waiting: [...without(lists.waiting, conversation), row] },
      bell: news ? next.bell + 1 : next.bell,
    };
  } else if (mode === 'human') {
    const row = known && { ...known, mode, agent };
    const mine = isMine(state, agent);
    next = {
      ...next,
      lists: {
        ...lists,
        waiting: without(lists.waiting, conversation),
        ...(mine && row ? { mine: [...without(lists.mine, conversation), row] } : {}),
      },
    };
    if (mine && type !== 'mode' && state.link === 'ready') send.push({ type: 'open', conversation });
  } else if (mode === 'bot' || mode === 'closed') {
    next = {
      ...next,
      lists: { ...lists, waiting: without(lists.waiting, conversation), mine: without(lists.mine, conversation) },
    };
  } else {
    next = { ...next, lists: { ...lists, mine: without(lists.mine, conversation) } };
  }
  return { state: next, send };
}
