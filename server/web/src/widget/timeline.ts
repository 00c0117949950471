/** The transcript and the outbox as one list to draw; pure. */
import type { ChatMessage } from '../shared/frames';
import type { ChatState, Outgoing } from '../shared/chatState';
import { daysAgo } from '../shared/time';

const GROUP_MS = 3 * 60_000;

export type Item =
  | { kind: 'day'; key: string; at: string; daysAgo: number }
  | {
      kind: 'message';
      key: string;
      message: ChatMessage;
      /** First and last of a run of messages by the same person. */
      first: boolean;
      last: boolean;
      choicesOpen: boolean;
      /** The value of the choice that was taken. */
      chosen: string | null;
      rateable: boolean;
      delivery: 'sent' | 'read' | null;
    }
  | { kind: 'pending'; key: string; item: Outgoing; first: boolean };

export function timeline(state: ChatState, now: Date): Item[] {
  const items: Item[] = [];
  const { messages } = state;
  const pending = state.outbox.filter((item) => item.frame.type === 'message' || item.frame.type === 'choice');
  const lastCustomer = messages.findLast((message) => message.role === 'customer');
  let before: ChatMessage | undefined;
  messages.forEach((message, index) => {
    const newDay = !before || dayOf(before.at) !== dayOf(message.at);
    // The first day is only worth a line when it is not today.
    if (newDay && message.at && (before || daysAgo(message.at, now) > 0)) {
      items.push({ kind: 'day', key: `day-${message.seq}`, at: message.at, daysAgo: daysAgo(message.at, now) });
    }
    const next = messages[index + 1];
    const reply = messages.slice(index + 1).find((other) => other.role === 'customer');
    const taken = pending.find((item) => item.frame.type === 'choice' && item.frame.seq === message.seq);
    items.push({
      kind: 'message',
      key: `m-${message.seq}`,
      message,
      first: newDay || !before || !together(before, message),
      last: !next || !together(message, next),
      choicesOpen:
        !reply && pending.length === 0 && !state.restarting && (state.mode === 'bot' || state.mode === 'waiting'),
      chosen:
        (taken?.frame.type === 'choice' ? taken.frame.value : undefined) ??
        message.choices?.find((choice) => reply && choice.label === reply.text)?.value ??
        null,
      rateable: message.role === 'bot' && messages.slice(0, index).some((other) => other.role === 'customer'),
      delivery:
        message === lastCustomer && pending.length === 0
          ? state.readByAgent >= message.seq
            ? 'read'
            : 'sent'
          : null,
    });
    before = message;
  });
  pending.forEach((item, index) => {
    const follows = index > 0 || before?.role === 'customer';
    items.push({ kind: 'pending', key: `p-${item.frame.id}`, item, first: !follows });
  });
  return items;
}

const dayOf = (at: string): string => new Date(at).toDateString();

function together(a: ChatMessage, b: ChatMessage): boolean {
  if (a.role !== b.role || a.role === 'system' || a.name !== b.name || dayOf(a.at) !== dayOf(b.at)) return false;
  return Math.abs(new Date(b.at).getTime() - new Date(a.at).getTime()) < GROUP_MS;
}
