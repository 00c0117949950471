import { describe, expect, it } from 'vitest';
import { agentName, deskStep, initialDesk, merge } from '../src/desk/deskState';
import type { DeskEvent, DeskFrame, DeskState } from '../src/desk/deskState';
import { unfold } from '../src/desk/DataView';
import type { Json } from '../src/shared/frames';
import { gathered } from '../src/desk/ContextPanel';
import { readRow } from '../src/shared/rest';

const AT = '2026-03-01T08:00:00Z';

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
const welcome = (event: number, queue: Json[] = []): DeskEvent => frame({ type: 'welcome', agent: 'lina', event, queue });
const row = (conversation: string) => ({ conversation, mode: 'waiting', reason: 'policy', language: 'zh', since: AT });
const escalation = (event: number, conversation: string): DeskEvent =>
  frame({ type: 'escalation', event, conversation, reason: 'safety', priority: 3, since: AT, language: 'zh', summary: 's', context: {} });
const incoming = (event: number, conversation: string, seq: number, text: string, over: Json = {}): DeskEvent =>
  frame({ type: 'message', event, conversation, seq, role: 'customer', text, at: AT, ...over });

const ready = () => play(initialDesk(['lina', '李娜']), { type: 'connecting' }, welcome(10, [row('c1')])).state;
const waiting = (state: DeskState) => state.lists.waiting?.map((item) => item.conversation);

describe('the queue', () => {
  it('comes with the welcome and grows with escalations, which ring', () => {
    const { state } = play(ready(), escalation(11, 'c2'));
    expect(waiting(state)).toEqual(['c1', 'c2']);
    expect(state.bell).toBe(1);
    expect(state.lastEvent).toBe(11);
  });

  it('takes nothing twice after a reconnection', () => {
    const { state } = play(ready(), escalation(11, 'c2'), { type: 'lost', refused: false }, welcome(12, [row('c1'), row('c2')]), escalation(11, 'c2'), escalation(12, 'c3'));
    expect(waiting(state)).toEqual(['c1', 'c2', 'c3']);
    expect(state.bell).toBe(1);
  });

  it('gives a conversation to whoever takes it', () => {
    const mine = play(ready(), { type: 'listed', tab: 'mine', rows: [], more: false, append: false }, frame({ type: 'taken', event: 11, conversation: 'c1', agent: 'lina' }));
    expect(waiting(mine.state)).toEqual([]);
    expect(mine.state.lists.mine?.map((item) => item.conversation)).toEqual(['c1']);
    expect(mine.sent).toEqual([{ type: 'open', conversation: 'c1' }]);
    const other = play(ready(), frame({ type: 'taken', event: 11, conversation: 'c1', agent: 'wang', name: '王强' }));
    expect(waiting(other.state)).toEqual([]);
    expect([agentName(other.state, 'wang'), agentName(other.state, 'unheard')]).toEqual(['王强', 'unheard']);
    expect(other.state.lists.mine ?? []).toEqual([]);
  });

  it('calls colleagues by the names that lists give', () => {
    const rows = [{ ...row('c1'), mode: 'human', agent: 'wang', agent_name: '王强' }].flatMap((raw) => readRow(raw) ?? []);
    const { state } = play(ready(), { type: 'listed', tab: 'all', rows, more: false, append: false });
    expect(agentName(state, 'wang')).toBe('王强');
  });

  it('appends a further page without repeating rows', () => {
    const rows = [row('c1'), row('c2')].flatMap((raw) => readRow(raw) ?? []);
    const { state } = play(ready(), { type: 'listed', tab: 'waiting', rows, more: false, append: true });
    expect(waiting(state)).toEqual(['c1', 'c2']);
    expect(state.full.waiting).toBe(true);
  });
});

describe('actions', () => {
  const take: DeskEvent = { type: 'act', action: { type: 'take', id: 'a', conversation: 'c1' }, at: AT };
  const write: DeskEvent = { type: 'act', action: { type: 'message', id: 'm', conversation: 'c1', text: '您好' }, at: AT };

  it('go out once, and again with the same id after a loss', () => {
    const { sent } = play(ready(), take, take, { type: 'lost', refused: false }, welcome(10));
    expect(sent.filter((item) => item.type === 'take').map((item) => 'id' in item && item.id)).toEqual(['a', 'a']);
  });

  it('shows a refusal and forgets a refused take', () => {
    const { state } = play(ready(), take, frame({ type: 'refused', id: 'a', code: 'taken', message: 'taken', by: 'wang' }));
    expect(state.pending).toEqual([]);
    expect(state.refusals).toEqual([{ id: 'a', code: 'taken', message: 'taken', by: 'wang' }]);
    expect(play(state, { type: 'dismiss', id: 'a' }).state.refusals).toEqual([]);
  });

  it('keeps the words of a refused message for another try', () => {
    const refused = play(ready(), write, frame({ type: 'refused', id: 'm', code: 'not_yours', message: '' }));
    expect(refused.state.pending[0]?.state).toBe('failed');
    expect(play(refused.state, { type: 'retry', id: 'm' }).sent).toEqual([
      { type: 'message', id: 'm', conversation: 'c1', text: '您好' },
    ]);
  });

  it('shows a sent message once, whichever of event and acknowledgement comes first', () => {
    const open: DeskEvent = { type: 'select', conversation: 'c1' };
    const echo = incoming(11, 'c1', 4, '您好', { role: 'agent' });
    const ack = frame({ type: 'ack', id: 'm', event: 11 });
    for (const order of [[ack, echo], [echo, ack]]) {
      const { state } = play(ready(), open, write, ...order);
      expect(state.pending).toEqual([]);
      expect(state.threads['c1']?.messages.map((item) => item.seq)).toEqual([4]);
    }
  });
});

describe('a transcript', () => {
  it('is the same from REST and from the stream', () => {
    const detail = {
      conversation: 'c1',
      mode: 'waiting' as const,
      locale: 'zh' as const,
      agent: '',
      agentName: '',
      customer: '',
      messages: [1, 2].map((seq) => ({ seq, role: 'customer' as const, text: String(seq), at: AT })),
      escalation: null,
    };
    const { state } = play(ready(), { type: 'select', conversation: 'c1' }, incoming(11, 'c1', 3, '3'), { type: 'loaded', detail }, incoming(9, 'c1', 2, '2'));
    expect(state.threads['c1']?.messages.map((item) => item.seq)).toEqual([1, 2, 3]);
  });

  it('puts notes where their time is, once', () => {
    const at = (minute: number) => `2026-03-01T08:0${minute}:00Z`;
    const note = { seq: 0, role: 'note' as const, text: 'n', at: at(2) };
    const list = [
      { seq: 1, role: 'customer' as const, text: 'a', at: at(1) },
      { seq: 2, role: 'customer' as const, text: 'b', at: at(3) },
    ];
    const merged = merge(list, note);
    expect(merged.map((item) => item.text)).toEqual(['a', 'n', 'b']);
    expect(merge(merged, { ...note })).toBe(merged);
  });

  it('counts what arrives elsewhere as unread, and rings for one’s own', () => {
    const base = play(ready(), frame({ type: 'taken', event: 11, conversation: 'c1', agent: 'lina' })).state;
    const { state } = play(base, incoming(12, 'c1', 5, 'x'), incoming(13, 'c9', 1, 'y'));
    expect(state.unread).toEqual({ c1: 1, c9: 1 });
    expect(state.bell).toBe(1);
    expect(play(state, { type: 'select', conversation: 'c1' }).state.unread).toEqual({ c9: 1 });
  });

  it('is left when another is opened, unless it is one’s own', () => {
    const { sent } = play(ready(), { type: 'select', conversation: 'c1' }, { type: 'select', conversation: 'c2' });
    expect(sent).toEqual([
      { type: 'open', conversation: 'c1' },
      { type: 'leave', conversation: 'c1' },
      { type: 'open', conversation: 'c2' },
    ]);
    const mine = play(ready(), { type: 'select', conversation: 'c1' }, frame({ type: 'taken', event: 11, conversation: 'c1', agent: 'lina' }), { type: 'select', conversation: 'c2' });
    expect(mine.sent.some((item) => item.type === 'leave')).toBe(false);
  });
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
