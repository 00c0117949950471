import { describe, expect, it } from 'vitest';
import { gathered, suggestionOf } from '../src/desk/ContextPanel';
import { unfold } from '../src/desk/DataView';
import { readEscalation } from '../src/desk/deskApi';
import type { ConversationDetail } from '../src/desk/deskApi';
import { deskStep, initialDesk } from '../src/desk/deskState';
import { deliveryOf, lastSeq, merge } from '../src/desk/deskThread';
import { EMPTY_THREAD, agentName } from '../src/desk/deskTypes';
import type { DeskEvent, DeskFrame, DeskState } from '../src/desk/deskTypes';
import { NO_FILTER, readRow } from '../src/desk/rows';
import type { Row } from '../src/desk/rows';
import type { Json } from '../src/shared/frames';

const AT = '2026-03-01T08:00:00Z';
const minute = (n: number) => `2026-03-01T08:${String(n).padStart(2, '0')}:00Z`;

function play(start: DeskState, ...events: DeskEvent[]) {
  let state = start;
  const sent: DeskFrame[] = [];
  for (const event of events) {
    const next = deskStep(state, event);
    state = next.state;
    sent.push(...next.send);
  }
  return { state, sent };
}

const frame = (value: Json): DeskEvent => ({ type: 'frame', frame: value });
const raw = (conversation: string, over: Json = {}): Json => ({
  id: Number(conversation.slice(1)),
  conversation,
  state: 'waiting',
  mode: 'waiting',
  reason: 'policy',
  priority: 0,
  language: 'zh',
  since: minute(Number(conversation.slice(1))),
  ...over,
});
const row = (conversation: string, over: Json = {}) => readRow(raw(conversation, over)) as Row;
const welcome = (event: number, queue: Json[] = []): DeskEvent =>
  frame({ type: 'welcome', agent: 'lina', name: '李娜', role: 'agent', event, queue, agents: [{ agent: 'wang', name: '王强', state: 'busy', load: 1, capacity: 3 }] });
const escalation = (event: number, conversation: string, over: Json = {}): DeskEvent =>
  frame({ type: 'escalation', event, ...raw(conversation, { reason: 'safety', priority: 3 }), summary: 's', context: {}, ...over });
const happens = (type: string, event: number, conversation: string, over: Json = {}): DeskEvent => frame({ type, event, conversation, ...over });
const incoming = (event: number, conversation: string, seq: number, text: string, over: Json = {}): DeskEvent =>
  frame({ type: 'message', event, conversation, seq, role: 'customer', text, at: AT, ...over });
const listed = (tab: 'waiting' | 'mine' | 'all' | 'snoozed' | 'closed', rows: Row[], next: string | null = null, append = false): DeskEvent => ({
  type: 'listed',
  tab,
  page: { rows, next },
  filter: NO_FILTER,
  append,
});
const detail = (over: Partial<ConversationDetail> = {}): ConversationDetail => ({
  conversation: 'c1',
  mode: 'waiting',
  locale: 'zh',
  agent: '',
  agentName: '',
  messages: [],
  escalation: null,
  contact: null,
  draft: null,
  marks: [],
  happenings: [],
  verdicts: [],
  readByCustomer: 0,
  delivered: 0,
  ...over,
});

const ready = () => play(initialDesk('lina'), { type: 'connecting' }, welcome(10, [raw('c1')])).state;
const held = () => play(ready(), { type: 'select', conversation: 'c1' }, happens('taken', 11, 'c1', { agent: 'lina', name: '李娜' })).state;
const rows = (state: DeskState, tab: 'waiting' | 'mine' | 'all' | 'snoozed' | 'closed' = 'waiting') => state.lists[tab]?.rows.map((one) => one.conversation);

describe('the queue', () => {
  it('comes with the welcome and grows with escalations, the most urgent first, which are news', () => {
    const { state } = play(ready(), escalation(11, 'c2'), escalation(12, 'c3', { priority: 0 }));
    expect(rows(state)).toEqual(['c2', 'c1', 'c3']);
    expect(state.news).toMatchObject({ number: 2, kind: 'escalation', conversation: 'c3' });
    expect(state.lastEvent).toBe(12);
  });

  it('takes nothing twice after a reconnection, and what was missed is no news', () => {
    const { state } = play(ready(), escalation(11, 'c2'), { type: 'lost', refused: false }, welcome(12, [raw('c1'), raw('c2', { priority: 3 })]), escalation(11, 'c2'), escalation(12, 'c3'));
    expect(rows(state)).toEqual(['c2', 'c3', 'c1']);
    expect(state.news.number).toBe(1);
  });

  it('gives a conversation to whoever takes it', () => {
    const mine = play(ready(), happens('taken', 11, 'c1', { agent: 'lina', name: '李娜' }));
    expect(rows(mine.state)).toEqual([]);
    expect(rows(mine.state, 'mine')).toEqual(['c1']);
    expect(mine.sent).toEqual([{ type: 'open', conversation: 'c1' }]);
    const other = play(ready(), happens('taken', 11, 'c1', { agent: 'wang', name: '王强' }));
    expect(rows(other.state)).toEqual([]);
    expect(rows(other.state, 'mine')).toEqual([]);
    expect([agentName(other.state, 'wang'), agentName(other.state, 'unheard')]).toEqual(['王强', 'unheard']);
  });

  it('offers, transfers, snoozes, wakes, closes and opens again', () => {
    const full = play(ready(), listed('all', [row('c1')]), listed('snoozed', []), listed('closed', [])).state;
    const offered = play(full, happens('assigned', 11, 'c1', { agent: 'lina', name: '李娜', until: minute(9), why: 'routed' })).state;
    expect(offered.lists.waiting?.rows[0]).toMatchObject({ offeredTo: 'lina', offeredUntil: minute(9) });
    expect(offered.news).toMatchObject({ kind: 'offered', conversation: 'c1' });
    const taken = play(offered, happens('taken', 12, 'c1', { agent: 'lina', name: '李娜' })).state;
    const snoozed = play(taken, happens('snoozed', 13, 'c1', { agent: 'lina', until: minute(50) })).state;
    expect([rows(snoozed, 'mine'), rows(snoozed, 'all'), rows(snoozed, 'snoozed')]).toEqual([[], [], ['c1']]);
    const woken = play(snoozed, happens('woken', 14, 'c1', { agent: 'lina', why: 'customer' })).state;
    expect([rows(woken, 'mine'), rows(woken, 'snoozed')]).toEqual([['c1'], []]);
    const moved = play(woken, happens('transferred', 15, 'c1', { agent: 'lina', to: { team: 'fibre' }, team: 'fibre', note: 'n' })).state;
    expect(moved.lists.waiting?.rows[0]).toMatchObject({ conversation: 'c1', team: 'fibre', agent: '', offeredTo: '' });
    const closed = play(moved, happens('closed', 16, 'c1', { outcome: 'solved', tags: ['fibre'] })).state;
    expect([rows(closed), rows(closed, 'all'), rows(closed, 'closed')]).toEqual([[], [], ['c1']]);
    expect(closed.lists.closed?.rows[0]).toMatchObject({ outcome: 'solved', tags: ['fibre'] });
    const again = play(closed, happens('reopened', 17, 'c1', { agent: 'wang', name: '王强' })).state;
    expect([rows(again, 'closed'), rows(again, 'all'), rows(again, 'mine')]).toEqual([[], ['c1'], []]);
  });

  it('leaves out what the filter leaves out, and asks anew when it changes', () => {
    const filter = { ...NO_FILTER, language: 'en' };
    const { state } = play(ready(), { type: 'filter', filter }, { ...listed('waiting', []), filter } as DeskEvent, escalation(11, 'c2'), escalation(12, 'c3', { language: 'en' }));
    expect(rows(state)).toEqual(['c3']);
    // An answer to the question before is not shown.
    expect(rows(play(state, listed('waiting', [row('c1')])).state)).toEqual(['c3']);
    expect(state.stale).toBeGreaterThan(ready().stale);
  });

  it('keeps further pages when the first one is fetched again, without repeating rows', () => {
    const page = [9, 8, 7].map((n) => row(`c${n}`, { state: 'closed' }));
    const older = [7, 6, 5].map((n) => row(`c${n}`, { state: 'closed' }));
    const two = play(ready(), listed('closed', page, 'p2'), listed('closed', older, 'p3', true)).state;
    expect(rows(two, 'closed')).toEqual(['c9', 'c8', 'c7', 'c6', 'c5']);
    const fresh = [10, 9, 8].map((n) => row(`c${n}`, { state: 'closed' }));
    const again = play(two, listed('closed', fresh, 'p2b')).state;
    expect(rows(again, 'closed')).toEqual(['c10', 'c9', 'c8', 'c7', 'c6', 'c5']);
    expect(again.lists.closed?.next).toBe('p3');
  });

  it('counts what is not read and what waits for an answer', () => {
    const other = play(held(), { type: 'select', conversation: null }, incoming(12, 'c1', 5, 'x', { at: minute(20) }), incoming(13, 'c1', 6, 'y', { at: minute(21) })).state;
    expect(other.lists.mine?.rows[0]).toMatchObject({ unread: 2, unanswered: minute(20), lastText: 'y' });
    expect(other.news).toMatchObject({ kind: 'message', conversation: 'c1', text: 'y' });
    const read = play(other, { type: 'read', conversation: 'c1' }, incoming(14, 'c1', 7, 'z', { role: 'agent' })).state;
    expect(read.lists.mine?.rows[0]).toMatchObject({ unread: 0, unanswered: '' });
  });
});

describe('actions', () => {
  const take: DeskEvent = { type: 'act', action: { type: 'take', id: 'a', conversation: 'c1' }, at: AT };
  const write: DeskEvent = { type: 'act', action: { type: 'message', id: 'm', conversation: 'c1', text: '您好', seen: 0 }, at: AT };

  it('go out once, and again with the same id after a loss', () => {
    const { sent } = play(ready(), take, take, { type: 'lost', refused: false }, welcome(10));
    expect(sent.filter((item) => item.type === 'take').map((item) => 'id' in item && item.id)).toEqual(['a', 'a']);
  });

  it('show a refusal and forget a refused take', () => {
    const { state } = play(ready(), take, frame({ type: 'refused', id: 'a', code: 'taken', message: 'taken', by: '王强' }));
    expect(state.pending).toEqual([]);
    expect(state.refusals).toEqual([{ id: 'a', code: 'taken', message: 'taken', by: '王强' }]);
    expect(play(state, { type: 'dismiss', id: 'a' }).state.refusals).toEqual([]);
  });

  it('keep the words of an answer that a colleague overtook, and send it after all with what was seen', () => {
    const refused = play(held(), write, incoming(12, 'c1', 3, '我来答', { role: 'agent' }), frame({ type: 'refused', id: 'm', code: 'overtaken', message: '', by: '王强' }));
    expect(refused.state.pending[0]).toMatchObject({ state: 'failed', code: 'overtaken', by: '王强' });
    expect(refused.state.refusals).toEqual([]);
    expect(play(refused.state, { type: 'retry', id: 'm' }).sent[0]).toMatchObject({ id: 'm', seen: 0 });
    expect(play(refused.state, { type: 'force', id: 'm', newId: 'n' }).sent).toEqual([
      { type: 'message', id: 'n', conversation: 'c1', text: '您好', seen: 3, force: true },
    ]);
    expect(play(refused.state, { type: 'dismiss', id: 'm' }).state.pending).toEqual([]);
  });

  it('show a sent message once, whichever of event and acknowledgement comes first', () => {
    const open: DeskEvent = { type: 'select', conversation: 'c1' };
    const echo = incoming(11, 'c1', 4, '您好', { role: 'agent' });
    const ack = frame({ type: 'ack', id: 'm', event: 11, seq: 4 });
    for (const order of [[ack, echo], [echo, ack]]) {
      const { state } = play(ready(), open, write, ...order);
      expect(state.pending).toEqual([]);
      expect(state.threads['c1']?.messages.map((item) => item.seq)).toEqual([4]);
    }
  });
});

describe('a transcript', () => {
  const said = (seq: number) => ({ seq, role: 'customer' as const, text: String(seq), at: AT });

  it('is the same from REST and from the stream', () => {
    const loaded: DeskEvent = { type: 'loaded', detail: detail({ messages: [1, 2].map(said) }) };
    const { state } = play(ready(), { type: 'select', conversation: 'c1' }, incoming(11, 'c1', 3, '3'), loaded, incoming(9, 'c1', 2, '2'));
    expect(state.threads['c1']?.messages.map((item) => item.seq)).toEqual([1, 2, 3]);
    expect(lastSeq(state.threads['c1']?.messages ?? [])).toBe(3);
  });

  it('asks for what it lacks when it is opened again, from the first gap on', () => {
    const loaded: DeskEvent = { type: 'loaded', detail: detail({ messages: [1, 2].map(said) }) };
    const lost: DeskEvent = { type: 'lost', refused: false };
    const before = [{ type: 'select', conversation: 'c1' } as const, loaded];
    const again = (...more: DeskEvent[]) => play(ready(), ...before, ...more, lost, welcome(12, [raw('c1')])).sent.at(-1);
    expect(again(incoming(11, 'c1', 3, '3'))).toEqual({ type: 'open', conversation: 'c1', last_seq: 3 });
    expect(again(incoming(11, 'c1', 5, '5'))).toEqual({ type: 'open', conversation: 'c1', last_seq: 2 });
  });

  it('puts notes where their time is, once', () => {
    const note = { seq: 0, role: 'note' as const, text: 'n', at: minute(2), client_id: '17' };
    const list = [
      { ...said(1), at: minute(1) },
      { ...said(2), at: minute(3) },
    ];
    const merged = merge(list, note);
    expect(merged.map((item) => item.text)).toEqual(['1', 'n', '2']);
    expect(merge(merged, { ...note })).toBe(merged);
    expect(merge(merged, { ...note, client_id: '18' })).toHaveLength(4);
  });

  it('is left when another is opened, unless it is one’s own', () => {
    const { sent } = play(ready(), { type: 'select', conversation: 'c1' }, { type: 'select', conversation: 'c2' });
    expect(sent).toEqual([
      { type: 'open', conversation: 'c1' },
      { type: 'leave', conversation: 'c1' },
      { type: 'open', conversation: 'c2' },
    ]);
    expect(play(held(), { type: 'select', conversation: 'c2' }).sent.some((item) => item.type === 'leave')).toBe(false);
  });

  it('tells who writes, what a colleague has drafted, and forgets both when they answer', () => {
    const busy = play(
      held(),
      frame({ type: 'typing', conversation: 'c1', on: true, role: 'customer' }),
      frame({ type: 'typing', conversation: 'c1', on: true, role: 'agent', agent: 'wang', name: '王强' }),
      frame({ type: 'typing', conversation: 'c1', on: true, role: 'agent', agent: 'lina', name: '李娜' }),
      frame({ type: 'draft', conversation: 'c1', agent: 'wang', name: '王强', text: '您' }),
    ).state.threads['c1'];
    expect(busy).toMatchObject({ customerTyping: true, writing: { wang: '王强' }, draft: { agent: 'wang', text: '您' } });
    const after = play(
      { ...held(), threads: { c1: busy ?? EMPTY_THREAD } },
      incoming(12, 'c1', 4, '您好', { role: 'agent', name: '王强' }),
      incoming(13, 'c1', 5, '好'),
    ).state.threads['c1'];
    expect(after).toMatchObject({ customerTyping: false, writing: {}, draft: null });
  });

  it('shows how far an answer has come, and never less than before', () => {
    const { state } = play(held(), frame({ type: 'delivered', conversation: 'c1', seq: 5 }), frame({ type: 'read', conversation: 'c1', seq: 3 }), frame({ type: 'delivered', conversation: 'c1', seq: 4 }));
    const thread = state.threads['c1'] ?? EMPTY_THREAD;
    expect([3, 5, 6].map((seq) => deliveryOf(thread, seq))).toEqual(['read', 'delivered', 'stored']);
  });

  it('keeps what happened, what was marked and how to reach the customer', () => {
    const { state } = play(
      held(),
      happens('marked', 12, 'c1', { seq: 2, agent: 'wang', name: '王强', intent: 'esim', comment: 'x' }),
      happens('contact', 13, 'c1', { contact: { phone: '19900000101' } }),
      happens('transferred', 14, 'c1', { agent: 'lina', name: '李娜', to: { agent: 'wang', name: '王强' }, note: 'n', at: AT }),
    );
    expect(state.threads['c1']).toMatchObject({
      mode: 'waiting',
      agent: '',
      marks: [{ seq: 2, intent: 'esim', comment: 'x', name: '王强' }],
      contact: { phone: '19900000101', email: '', note: '' },
      happenings: [{ event: 14, type: 'transferred', at: AT }],
    });
  });
});

it('takes the suggestion of the hand-over, whichever form it has', () => {
  const thread = (suggestion: unknown) => ({ ...EMPTY_THREAD, escalation: readEscalation({ ...raw('c1'), context: { suggestion } }) });
  expect(suggestionOf(thread(' 您好 '))).toBe('您好');
  expect(suggestionOf(thread({ text: 'Hello' }))).toBe('Hello');
  expect(suggestionOf(thread(null))).toBe('');
  expect(suggestionOf(undefined)).toBe('');
});

it('opens up states kept as JSON text and leaves out what is empty', () => {
  expect(unfold({ dialogue: '{"skill":"bill","form":null}', diagnosis: null, note: '{not json' })).toEqual({
    dialogue: { skill: 'bill' },
    note: '{not json',
  });
});

describe('what the bot gathered', () => {
  it('is shown without what says nothing', () => {
    const slots = {
      awaiting: false,
      dialogue: { version: 1, customer: 'C-1', task: null, clarify: 0, complaints: 2, last: [{ key: 'x' }], last_account: { skill: 'check_bill', args: {} } },
      diagnosis: null,
    };
    expect(gathered(slots)).toEqual({ customer: 'C-1', complaints: 2, last_account: { skill: 'check_bill' } });
    expect(gathered({ ...slots, dialogue: JSON.stringify(slots.dialogue) })).toEqual(gathered(slots));
    expect(gathered(null)).toBeNull();
  });
});
