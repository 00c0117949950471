/**
 * How each frame, answer and action changes what the desk knows; pure, as chatState.ts.
 *
 * `event` numbers the desk's stream. Frames about the queue that are not newer than the last event are repeats; messages
 * are told apart by their `seq` in the conversation (notes by their id), because the transcript that REST gives and the
 * stream overlap.
 */
import type { Json } from '../shared/frames';
import { list, number, readMessage, text } from '../shared/frames';
import { PRESENCES, NO_COUNTS, readColleagues, readEscalation } from './deskApi';
import type { Presence } from './deskApi';
import { lastSeq, lastUnbroken, loadedThread, merge, threadFrame, threadPatch, withThread } from './deskThread';
import { EMPTY_THREAD } from './deskTypes';
import type { DeskAction, DeskEvent, DeskFrame, DeskMessage, DeskState, DeskStep, News, Pending, Refusal } from './deskTypes';
import { NO_FILTER, belongs, compareRows, extended, findRow, matches, placed, readRow, refreshed, rowPatch } from './rows';
import type { Lists, QueueTab, Row } from './rows';

export function initialDesk(me: string, role = 'agent', presence: Presence = 'online'): DeskState {
  return {
    link: 'idle',
    me,
    role,
    lastEvent: null,
    liveAfter: 0,
    presence: PRESENCES.includes(presence) ? presence : 'online',
    info: null,
    colleagues: [],
    counts: NO_COUNTS,
    lists: {},
    filter: NO_FILTER,
    selected: null,
    threads: {},
    pending: [],
    refusals: [],
    news: { number: 0, kind: 'escalation', conversation: '', text: '' },
    stale: 0,
  };
}

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
      if (state.pending.some((item) => sameWish(item, event.action))) return quiet(state);
      const item: Pending = { action: event.action, at: event.at, state: 'queued', ...(event.picture ? { picture: event.picture } : {}) };
      return flush({ ...state, pending: [...state.pending, item] });
    }
    case 'retry':
      return flush({
        ...state,
        pending: state.pending.map((item) => (item.action.id === event.id ? { ...item, state: 'queued' } : item)),
        refusals: state.refusals.filter((item) => item.id !== event.id),
      });
    case 'force':
      return flush(forced(state, event.id, event.newId));
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
    case 'filter':
      return quiet({ ...state, filter: event.filter, lists: {}, stale: state.stale + 1 });
    case 'info':
      return quiet({ ...state, info: event.info, colleagues: event.info.agents, counts: event.info.counts });
    case 'counts':
      return quiet({ ...state, counts: event.counts });
    case 'listed': {
      // An answer to a question that is not asked any more.
      if (event.filter !== state.filter) return quiet(state);
      const before = state.lists[event.tab];
      const listing = event.append ? extended(before, event.page) : refreshed(before, event.page);
      return quiet({ ...state, lists: { ...state.lists, [event.tab]: listing } });
    }
    case 'read':
      return quiet({ ...state, lists: patched(state.lists, event.conversation, { unread: 0 }) });
    case 'loaded': {
      const { detail } = event;
      const thread = loadedThread(state.threads[detail.conversation], detail);
      const next = withThread(state, detail.conversation, thread);
      // The transcript as stored has what was acknowledged.
      const done = (item: Pending) => item.state === 'acked' && item.action.conversation === detail.conversation;
      return quiet({ ...next, pending: state.pending.filter((item) => !done(item)) });
    }
    case 'loadFailed': {
      const thread = state.threads[event.conversation];
      if (!thread || thread.status === 'ready') return quiet(state);
      return quiet(withThread(state, event.conversation, { ...thread, status: 'failed' }));
    }
    case 'translated': {
      const thread = state.threads[event.conversation];
      if (!thread) return quiet(state);
      const translations = { ...thread.translations, [event.seq]: event.translation };
      return quiet(withThread(state, event.conversation, { ...thread, translations }));
    }
    case 'frame':
      return onFrame(state, event.frame);
  }
}

/** What is written is wanted as often as it is sent; everything else once. */
const sameWish = ({ action, state }: Pending, wish: DeskAction): boolean =>
  action.conversation === wish.conversation &&
  action.type === wish.type &&
  !(wish.type === 'message' || wish.type === 'note' || wish.type === 'mark') &&
  state !== 'failed';

const isMine = (state: DeskState, conversation: string): boolean => {
  const thread = state.threads[conversation];
  return thread?.mode === 'human' && thread.agent === state.me;
};

/** Asks for a conversation's messages, from the first one on that is missing here. */
function opening(state: DeskState, conversation: string): DeskFrame {
  const last = lastUnbroken(state.threads[conversation]?.messages ?? []);
  return { type: 'open', conversation, ...(last > 0 ? { last_seq: last } : {}) };
}

function select(state: DeskState, conversation: string | null): DeskStep {
  const send: DeskFrame[] = [];
  const left = state.selected;
  if (left === conversation) return quiet(state);
  // Conversations of one's own stay open: their messages must ring even while another one is on the screen.
  if (state.link === 'ready' && left !== null && !isMine(state, left)) send.push({ type: 'leave', conversation: left });
  if (conversation === null) return { state: { ...state, selected: null }, send };
  if (state.link === 'ready') send.push(opening(state, conversation));
  const threads = { ...state.threads, [conversation]: state.threads[conversation] ?? EMPTY_THREAD };
  return { state: { ...state, selected: conversation, threads }, send };
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

function forced(state: DeskState, id: string, newId: string): DeskState {
  return {
    ...state,
    refusals: state.refusals.filter((item) => item.id !== id),
    pending: state.pending.map((item): Pending => {
      const { action } = item;
      if (action.id !== id || action.type !== 'message') return item;
      const seen = lastSeq(state.threads[action.conversation]?.messages ?? []);
      return { ...item, state: 'queued', action: { ...action, id: newId, seen, force: true } };
    }),
  };
}

// ---------------------------------------------------------------------- frames

const QUEUE_EVENTS = new Set([
  'escalation', 'assigned', 'taken', 'released', 'transferred', 'snoozed', 'woken', 'mode', 'closed', 'reopened', 'rated', 'contact', 'marked',
]);

function onFrame(state: DeskState, frame: Json): DeskStep {
  const type = text(frame['type']) ?? '';
  const conversation = text(frame['conversation']);
  const event = number(frame['event']);
  switch (type) {
    case 'welcome':
      return welcome(state, frame, event);
    case 'ack':
      return quiet(acknowledged(state, frame));
    case 'refused':
    case 'error':
      return quiet(refused(state, frame));
    case 'presence':
      return quiet({ ...state, colleagues: readColleagues(frame['agents']) });
    case 'message': {
      const message = readMessage(frame);
      if (!message || conversation === undefined) return quiet(advance(state, event));
      return quiet(received(advance(state, event), conversation, event === undefined ? message : { ...message, event }));
    }
    case 'typing':
    case 'draft':
    case 'read':
    case 'delivered':
      return quiet(conversation === undefined ? state : threadFrame(state, type, conversation, frame));
    default:
      if (conversation === undefined || !QUEUE_EVENTS.has(type)) return quiet(advance(state, event));
      if (event !== undefined && state.lastEvent !== null && event <= state.lastEvent) return quiet(state);
      return queueEvent(advance(state, event), type, conversation, frame);
  }
}

const advance = (state: DeskState, event: number | undefined): DeskState =>
  event === undefined || (state.lastEvent !== null && event <= state.lastEvent) ? state : { ...state, lastEvent: event };

function welcome(state: DeskState, frame: Json, event: number | undefined): DeskStep {
  const me = text(frame['agent']) ?? state.me;
  const rows = list(frame['queue']).flatMap((raw) => readRow(raw) ?? []);
  const listOf = (tab: QueueTab) => ({
    rows: rows.filter((row) => belongs(row, tab, me) && matches(row, state.filter)).sort((a, b) => compareRows(tab, a, b)),
    next: null,
  });
  const colleagues = readColleagues(frame['agents']);
  const next: DeskState = {
    ...state,
    link: 'ready',
    me,
    role: text(frame['role']) ?? state.role,
    // The events missed meanwhile follow, each with its own number.
    lastEvent: state.lastEvent ?? event ?? 0,
    liveAfter: event ?? 0,
    colleagues: colleagues.length > 0 ? colleagues : state.colleagues,
    lists: { ...state.lists, waiting: listOf('waiting'), mine: listOf('mine') },
    stale: state.stale + 1,
  };
  const open = new Set((next.lists.mine?.rows ?? []).map((row) => row.conversation));
  if (next.selected !== null) open.add(next.selected);
  const flushed = flush(next);
  return {
    state: flushed.state,
    send: [...[...open].map((conversation) => opening(next, conversation)), ...flushed.send],
  };
}

const isWritten = (action: DeskAction): boolean => action.type === 'message' || action.type === 'note';

function acknowledged(state: DeskState, frame: Json): DeskState {
  const item = state.pending.find((other) => other.action.id === frame['id']);
  if (!item) return state;
  const [event, seq] = [number(frame['event']), number(frame['seq'])];
  const thread = state.threads[item.action.conversation];
  const shown = thread?.messages.some(
    (message) => (seq !== undefined && message.seq === seq) || (event !== undefined && message.event === event),
  );
  const without = state.pending.filter((other) => other !== item);
  if (!isWritten(item.action) || shown) return { ...state, stale: state.stale + 1, pending: without };
  const acked: Pending = { ...item, state: 'acked', ...(event === undefined ? {} : { event }), ...(seq === undefined ? {} : { seq }) };
  return { ...state, pending: state.pending.map((other) => (other === item ? acked : other)) };
}

function refused(state: DeskState, frame: Json): DeskState {
  const id = text(frame['id']) ?? `notice-${state.refusals.length}`;
  const item = state.pending.find((other) => other.action.id === id);
  const refusal: Refusal = {
    id,
    code: text(frame['code']) ?? 'other',
    message: text(frame['message']) ?? '',
    by: text(frame['by']) ?? '',
  };
  const next = { ...state, stale: state.stale + 1 };
  if (item && isWritten(item.action)) {
    // What an agent wrote stays where it was written, with the reason, to be sent after all or thrown away.
    const failed: Pending = { ...item, state: 'failed', code: refusal.code, by: refusal.by };
    return { ...next, pending: state.pending.map((other) => (other === item ? failed : other)) };
  }
  return {
    ...next,
    refusals: [...state.refusals.filter((other) => other.id !== id), refusal],
    pending: state.pending.filter((other) => other !== item),
  };
}

function received(state: DeskState, conversation: string, message: DeskMessage): DeskState {
  const thread = state.threads[conversation];
  let next = state;
  if (thread) {
    const messages = merge(thread.messages, message);
    if (messages === thread.messages && thread.status === 'ready') return state;
    next = withThread(state, conversation, {
      ...thread,
      messages,
      writing: message.role === 'agent' ? {} : thread.writing,
      draft: message.role === 'agent' ? null : thread.draft,
      customerTyping: message.role === 'customer' ? false : thread.customerTyping,
      customerSaying: message.role === 'customer' ? '' : thread.customerSaying,
    });
  }
  const shown = (item: Pending) =>
    item.action.id === message.client_id ||
    (item.state === 'acked' && ((item.event !== undefined && item.event === message.event) || (item.seq !== undefined && item.seq === message.seq)));
  const row = findRow(state.lists, conversation);
  const unread = message.role === 'customer' && row ? row.unread + 1 : (row?.unread ?? 0);
  const said = message.role === 'note' || message.role === 'system' ? {} : { lastText: message.text, lastRole: message.role, lastAt: message.at };
  const waits =
    message.role === 'customer'
      ? { unanswered: row?.unanswered || message.at }
      : message.role === 'agent'
        ? { unanswered: '', due: '' }
        : {};
  next = {
    ...next,
    pending: next.pending.filter((item) => !shown(item)),
    lists: patched(next.lists, conversation, { ...said, ...(row?.state === 'assigned' ? waits : {}), unread }),
  };
  const live = message.event === undefined || message.event > state.liveAfter;
  const mine = isMine(state, conversation) || row?.agent === state.me;
  return message.role === 'customer' && live && mine
    ? { ...next, news: told(next, 'message', conversation, message.text) }
    : next;
}

const told = (state: DeskState, kind: News['kind'], conversation: string, words: string): News => ({
  number: state.news.number + 1,
  kind,
  conversation,
  text: words,
});

/** The lists with some members of a row changed; the row stays where it is. */
function patched(lists: Lists, conversation: string, change: Partial<Row>): Lists {
  let changed = false;
  const next = Object.entries(lists).map(([tab, listing]) => {
    const at = listing.rows.findIndex((row) => row.conversation === conversation);
    const row = listing.rows[at];
    if (!row) return [tab, listing] as const;
    changed = true;
    return [tab, { ...listing, rows: listing.rows.with(at, { ...row, ...change }) }] as const;
  });
  return changed ? (Object.fromEntries(next) as Lists) : lists;
}

function queueEvent(state: DeskState, type: string, conversation: string, frame: Json): DeskStep {
  const event = number(frame['event']);
  let next: DeskState = { ...state, stale: state.stale + 1 };
  const thread = next.threads[conversation];
  const escalation = type === 'escalation' ? readEscalation(frame) : null;
  if (thread) {
    next = withThread(next, conversation, { ...thread, ...threadPatch(thread, type, frame), escalation: escalation ?? thread.escalation });
  }
  const known = findRow(state.lists, conversation) ?? thread?.escalation?.row;
  const row: Row | undefined = escalation
    ? { ...escalation.row, customerName: escalation.row.customerName || (known?.customerName ?? ''), lastText: escalation.row.lastText || (known?.lastText ?? '') }
    : known && { ...known, ...rowPatch(type, frame) };
  if (row) next = { ...next, lists: placed(next.lists, row, state.me, state.filter) };
  const send: DeskFrame[] = [];
  const toMe = text(frame['agent']) === state.me;
  if ((type === 'taken' || type === 'reopened') && toMe && state.link === 'ready') send.push(opening(state, conversation));
  if (event === undefined || event > state.liveAfter) {
    const words = row?.summary ?? '';
    if (type === 'escalation') next = { ...next, news: told(next, 'escalation', conversation, words) };
    else if (type === 'assigned' && toMe) next = { ...next, news: told(next, 'offered', conversation, words) };
  }
  return { state: next, send };
}
