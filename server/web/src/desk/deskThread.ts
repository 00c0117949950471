/** How one conversation at the desk changes; pure. */
import type { ChatMessage, Json } from '../shared/frames';
import { number, text } from '../shared/frames';
import { readContact, readHappening, readMark } from './deskApi';
import type { ConversationDetail } from './deskApi';
import { EMPTY_THREAD } from './deskTypes';
import type { DeskMessage, DeskState, Thread } from './deskTypes';

export function withThread(state: DeskState, conversation: string, thread: Thread): DeskState {
  return { ...state, threads: { ...state.threads, [conversation]: thread } };
}

const sameNote = (a: ChatMessage, b: ChatMessage): boolean =>
  a.role === b.role && (a.client_id !== undefined || b.client_id !== undefined ? a.client_id === b.client_id : a.at === b.at && a.text === b.text);

/** Adds a message to a transcript, in order, once. */
export function merge(messages: readonly DeskMessage[], message: DeskMessage): readonly DeskMessage[] {
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

/** The newest `seq` of a transcript; 0 before the first message. */
export const lastSeq = (messages: readonly DeskMessage[]): number =>
  messages.reduce((last, message) => Math.max(last, message.seq), 0);

/** The last `seq` before the first gap: what is acknowledged of one's own can be here before what came earlier. */
export function lastUnbroken(messages: readonly DeskMessage[]): number {
  let last = 0;
  for (const { role, seq } of messages) {
    if (role === 'note' || seq === last) continue;
    if (last > 0 && seq > last + 1) break;
    last = seq;
  }
  return last;
}

/** The transcript as stored takes the place of what was known, except for what arrived while it was fetched. */
export function loadedThread(before: Thread | undefined, detail: ConversationDetail): Thread {
  const known = before ?? EMPTY_THREAD;
  return {
    ...known,
    status: 'ready',
    mode: detail.mode,
    agent: detail.agent,
    agentName: detail.agentName,
    locale: detail.locale,
    messages: detail.messages.reduce(merge, known.messages),
    happenings: detail.happenings,
    escalation: detail.escalation ?? known.escalation,
    contact: detail.contact,
    marks: detail.marks,
    verdicts: detail.verdicts,
    draft: detail.draft,
    delivered: Math.max(known.delivered, detail.delivered),
    readByCustomer: Math.max(known.readByCustomer, detail.readByCustomer),
  };
}

/** Frames that tell of a conversation without being of its queue: who writes, what was read. */
export function threadFrame(state: DeskState, type: string, conversation: string, frame: Json): DeskState {
  const thread = state.threads[conversation];
  if (!thread) return state;
  const change = (part: Partial<Thread>) => withThread(state, conversation, { ...thread, ...part });
  const agent = text(frame['agent']) ?? '';
  const name = text(frame['name']) || agent;
  switch (type) {
    case 'typing': {
      const on = frame['on'] === true;
      if ((frame['role'] ?? 'customer') === 'customer') return change({ customerTyping: on, customerSaying: on ? (text(frame['text']) ?? '') : '' });
      if (frame['role'] !== 'agent' || agent === '' || agent === state.me) return state;
      const { [agent]: _, ...others } = thread.writing;
      return change({ writing: on ? { ...others, [agent]: name } : others });
    }
    case 'draft': {
      const words = text(frame['text']) ?? '';
      return change({ draft: words === '' ? null : { agent, name, text: words } });
    }
    case 'read':
      return change({ readByCustomer: Math.max(thread.readByCustomer, number(frame['seq']) ?? 0) });
    case 'delivered':
      return change({ delivered: Math.max(thread.delivered, number(frame['seq']) ?? 0) });
    default:
      return state;
  }
}

/** What an event of the queue changes in its conversation. */
export function threadPatch(thread: Thread, type: string, frame: Json): Partial<Thread> {
  const name = text(frame['name']) ?? '';
  const held = { mode: 'human' as const, agent: text(frame['agent']) ?? '', agentName: name };
  const happened = { happenings: [...thread.happenings, ...readHappening(frame)] };
  switch (type) {
    case 'escalation':
      return { mode: 'waiting', agent: '', agentName: '' };
    case 'taken':
    case 'reopened':
      return held;
    case 'released':
      return { mode: 'waiting', agent: '', agentName: '', draft: null };
    case 'transferred':
      return { ...happened, mode: 'waiting', agent: '', agentName: '', draft: null };
    case 'snoozed':
    case 'woken':
      return happened;
    case 'mode':
      return frame['mode'] === 'bot' ? { mode: 'bot', agent: '', agentName: '', draft: null } : {};
    case 'closed':
      return { mode: 'closed', draft: null };
    case 'contact':
      return { contact: readContact(frame['contact']) ?? thread.contact };
    case 'marked':
      return { marks: [...thread.marks, ...readMark(frame)] };
    default:
      return {};
  }
}

export type Delivery = 'stored' | 'delivered' | 'read';

/** How far an agent's message has come. */
export const deliveryOf = (thread: Thread, seq: number): Delivery =>
  seq <= thread.readByCustomer ? 'read' : seq <= thread.delivered ? 'delivered' : 'stored';
