import { describe, expect, it } from 'vitest';
import type { ChatEvent, ChatState } from '../src/shared/chatState';
import { helloFrame, initialState, step } from '../src/shared/chatState';
import type { ChatMessage, ClientFrame, ServerFrame } from '../src/shared/frames';

const AT = '2026-03-01T08:00:00Z';

/** Runs events one after another and keeps what was sent and how often a new connection was asked for. */
function play(start: ChatState, ...events: ChatEvent[]) {
  let state = start;
  const sent: ClientFrame[] = [];
  let reconnects = 0;
  for (const event of events) {
    const next = step(state, event);
    state = next.state;
    sent.push(...next.send);
    if (next.reconnect) reconnects += 1;
  }
  return { state, sent, reconnects };
}

const frame = (value: ServerFrame): ChatEvent => ({ type: 'frame', frame: value });
const welcome = (over: Partial<Extract<ServerFrame, { type: 'welcome' }>> = {}): ChatEvent =>
  frame({ type: 'welcome', conversation: 'c1', token: 't1', mode: 'bot', seq: 0, locale: 'zh', resumed: false, ...over });
const message = (seq: number, role: ChatMessage['role'], text: string, over: Partial<ChatMessage> = {}): ChatEvent =>
  frame({ type: 'message', seq, role, text, at: AT, ...over });
const say = (id: string, text: string): ChatEvent => ({
  type: 'put',
  frame: { type: 'message', id, text },
  label: text,
  at: AT,
});

const ready = () => play(initialState('zh'), { type: 'connecting' }, welcome(), message(1, 'bot', '您好')).state;

describe('sending', () => {
  it('sends at once when ready, shows the message once, and lets go of it when the transcript has it', () => {
    const said = play(ready(), say('a', '查流量'));
    expect(said.sent).toEqual([{ type: 'message', id: 'a', text: '查流量' }]);
    expect(said.state.outbox[0]?.state).toBe('sent');
    const acked = play(said.state, frame({ type: 'ack', id: 'a', seq: 2 }));
    expect(acked.state.outbox[0]).toMatchObject({ state: 'acked', seq: 2 });
    const shown = play(acked.state, message(2, 'customer', '查流量', { client_id: 'a' }));
    expect(shown.state.outbox).toEqual([]);
    expect(shown.state.messages.map((item) => item.seq)).toEqual([1, 2]);
  });

  it('lets go of it as well when the transcript has it before the acknowledgement, or without a client id', () => {
    const early = play(ready(), say('a', 'x'), message(2, 'customer', 'x', { client_id: 'a' }), frame({ type: 'ack', id: 'a', seq: 2 }));
    expect(early.state.outbox).toEqual([]);
    const nameless = play(ready(), say('a', 'x'), frame({ type: 'ack', id: 'a', seq: 2 }), message(2, 'customer', 'x'));
    expect(nameless.state.outbox).toEqual([]);
    const late = play(ready(), say('a', 'x'), message(2, 'customer', 'x'), frame({ type: 'ack', id: 'a', seq: 2 }));
    expect(late.state.outbox).toEqual([]);
  });

  it('waits while there is no connection and sends in order with the same ids after the welcome', () => {
    const { state, sent } = play(
      ready(),
      say('a', 'one'),
      { type: 'lost', code: 1006 },
      say('b', 'two'),
      { type: 'connecting' },
      welcome({ seq: 1, resumed: true }),
    );
    expect(sent.map((item) => 'id' in item && item.id)).toEqual(['a', 'a', 'b']);
    expect(state.outbox.map((item) => item.state)).toEqual(['sent', 'sent']);
  });

  it('does not send again what was acknowledged before the connection was lost', () => {
    const { sent } = play(
      ready(),
      say('a', 'one'),
      frame({ type: 'ack', id: 'a', seq: 2 }),
      { type: 'lost', code: 1006 },
      welcome({ seq: 2, resumed: true }),
    );
    expect(sent).toHaveLength(1);
  });

  it('takes each choice and each request for a person once', () => {
    const choice = (id: string): ChatEvent => ({
      type: 'put',
      frame: { type: 'choice', id, seq: 1, value: '/affirm' },
      label: '好',
      at: AT,
    });
    const human = (id: string): ChatEvent => ({ type: 'put', frame: { type: 'human', id }, label: '', at: AT });
    const { sent } = play(ready(), choice('a'), choice('b'), human('c'), human('d'));
    expect(sent.map((item) => 'id' in item && item.id)).toEqual(['a', 'c']);
  });
});

describe('receiving', () => {
  it('keeps each seq once and in order', () => {
    const { state, reconnects } = play(ready(), message(2, 'bot', 'b'), message(2, 'bot', 'b'), message(1, 'bot', 'a'));
    expect(state.messages.map((item) => item.seq)).toEqual([1, 2]);
    expect(state.lastSeq).toBe(2);
    expect(reconnects).toBe(0);
  });

  it('asks again from the last certain message when one is missing, but only once for the same gap', () => {
    const gap = play(ready(), message(3, 'bot', 'c'));
    expect(gap.reconnects).toBe(1);
    expect(helloFrame(gap.state).last_seq).toBe(1);
    const again = play(gap.state, welcome({ seq: 3, resumed: true }), message(3, 'bot', 'c'));
    expect(again.reconnects).toBe(0);
    expect(again.state.messages.map((item) => item.seq)).toEqual([1, 3]);
  });

  it('is replaying until the transcript up to the welcome has arrived', () => {
    const start = play(initialState('zh'), welcome({ seq: 2, resumed: true }));
    expect(start.state.replaying).toBe(true);
    expect(play(start.state, message(1, 'bot', 'a')).state.replaying).toBe(true);
    expect(play(start.state, message(1, 'bot', 'a'), message(2, 'bot', 'b')).state.replaying).toBe(false);
  });

  it('fetches the transcript anew from a server that knows less than it did', () => {
    const far = play(ready(), message(2, 'bot', 'b'), { type: 'lost', code: 1006 }, welcome({ seq: 1, resumed: true }));
    expect(far.reconnects).toBe(1);
    expect(far.state.messages).toEqual([]);
    expect(helloFrame(far.state)).toMatchObject({ conversation: 'c1', last_seq: 0 });
  });

  it('shows typing until the answer or the end of typing', () => {
    const typing = play(ready(), frame({ type: 'typing', on: true, role: 'bot' })).state;
    expect(typing.typing).toBe('bot');
    expect(play(typing, message(2, 'bot', 'b')).state.typing).toBeNull();
    expect(play(typing, frame({ type: 'typing', on: false, role: 'bot' })).state.typing).toBeNull();
    expect(play(typing, frame({ type: 'mode', mode: 'human', agent: '李娜' })).state.typing).toBeNull();
  });
});

describe('language', () => {
  const english = [message(2, 'customer', 'How much data is left?'), message(3, 'bot', 'You have 3 GB left.')];

  it('follows the customer once question and answer are both in the other language', () => {
    expect(play(ready(), ...english.slice(0, 1)).state.locale).toBe('zh');
    expect(play(ready(), ...english).state.locale).toBe('en');
  });

  it('stays with product names and with a replayed transcript', () => {
    expect(play(ready(), message(2, 'customer', '帮我重启 Qinghe Router R3 Pro'), message(3, 'bot', 'Qinghe Router R3 Pro 已重启')).state.locale).toBe('zh');
    expect(play(initialState('zh'), welcome({ seq: 3, resumed: true }), message(1, 'bot', '您好'), ...english).state.locale).toBe('zh');
  });

  it('begins again in the language chosen by hand while nothing was said yet', () => {
    const { state, reconnects } = play(ready(), { type: 'locale', locale: 'en' });
    expect(reconnects).toBe(1);
    expect(helloFrame(state)).toEqual({ type: 'hello', locale: 'en', last_seq: 0 });
  });

  it('keeps a language chosen by hand over the one of the welcome', () => {
    const { state } = play(ready(), message(2, 'customer', '查流量'), { type: 'locale', locale: 'en' }, { type: 'lost', code: 1006 }, welcome({ seq: 2, resumed: true }));
    expect(state.locale).toBe('en');
    expect(helloFrame(state).locale).toBe('en');
  });
});

describe('starting over', () => {
  const restart: ChatEvent = { type: 'put', frame: { type: 'restart', id: 'r' }, label: '', at: AT };

  it('begins the new conversation empty and sends nothing ahead of it', () => {
    const before = play(ready(), say('a', 'old'), restart, say('b', 'new'));
    expect(before.sent.map((item) => 'id' in item && item.id)).toEqual(['a', 'r']);
    const after = play(before.state, frame({ type: 'ack', id: 'r' }), welcome({ conversation: 'c2', token: 't2' }));
    expect(after.state).toMatchObject({ conversation: 'c2', token: 't2', messages: [], lastSeq: 0, restarting: false });
    expect(after.sent.map((item) => 'id' in item && item.id)).toEqual(['b']);
  });

  it('asks again when the connection broke between acknowledgement and welcome', () => {
    const { sent } = play(ready(), restart, frame({ type: 'ack', id: 'r' }), { type: 'lost', code: 1012 }, welcome({ seq: 1, mode: 'closed' }));
    expect(sent.filter((item) => item.type === 'restart')).toHaveLength(2);
  });
});

describe('errors', () => {
  it('marks the message that was refused and sends it again on request', () => {
    const failed = play(ready(), say('a', 'x'), frame({ type: 'error', code: 'busy', message: '', id: 'a' }));
    expect(failed.state.outbox[0]).toMatchObject({ state: 'failed', error: 'busy' });
    const again = play(failed.state, { type: 'retry', id: 'a' });
    expect(again.sent).toEqual([{ type: 'message', id: 'a', text: 'x' }]);
    expect(play(failed.state, { type: 'discard', id: 'a' }).state.outbox).toEqual([]);
  });

  it('does not retry by itself what was refused', () => {
    const { sent } = play(ready(), say('a', 'x'), frame({ type: 'error', code: 'busy', message: '', id: 'a' }), { type: 'lost', code: 1006 }, welcome({ seq: 1 }));
    expect(sent).toHaveLength(1);
  });

  it('starts without the token when it is not accepted, keeping what was not delivered', () => {
    const start = initialState('zh', {
      conversation: 'c1',
      token: 'forged',
      outbox: [{ frame: { type: 'message', id: 'a', text: 'x' }, label: 'x', at: AT, state: 'sent' }],
    });
    const bad = play(start, { type: 'connecting' }, frame({ type: 'error', code: 'bad_token', message: '' }));
    expect(bad.reconnects).toBe(1);
    expect(helloFrame(bad.state)).not.toHaveProperty('token');
    expect(play(bad.state, welcome({ conversation: 'c9' })).sent).toEqual([{ type: 'message', id: 'a', text: 'x' }]);
  });

  it('drops the token after a policy close before any welcome, and gives up without one', () => {
    const withToken = play(initialState('zh', { conversation: 'c1', token: 't1' }), { type: 'connecting' }, { type: 'lost', code: 1008 });
    expect(withToken.state).toMatchObject({ token: null, link: 'lost' });
    const without = play(withToken.state, { type: 'connecting' }, { type: 'lost', code: 1008 });
    expect(without.state.link).toBe('refused');
  });

  it('keeps the token when the close was for sending too fast', () => {
    const { state } = play(ready(), frame({ type: 'error', code: 'rate_limited', message: '' }), { type: 'lost', code: 1008 });
    expect(state).toMatchObject({ token: 't1', link: 'lost' });
  });

  it('comes back later when its hello was refused', () => {
    const start = play(initialState('zh'), { type: 'connecting' }).state;
    const next = step(start, frame({ type: 'error', code: 'rate_limited', message: '' }));
    expect(next.reconnect).toBe('later');
    expect(next.state.lastError).toBe('rate_limited');
  });

  it('does not send again the message that was too big for the server', () => {
    const { state } = play(ready(), say('a', 'x'), { type: 'lost', code: 1009 });
    expect(state.outbox[0]).toMatchObject({ state: 'failed', error: 'too_large' });
  });

  it('closes the composer when the conversation turns out to be over', () => {
    const { state } = play(ready(), say('a', 'x'), frame({ type: 'error', code: 'closed', message: '', id: 'a' }));
    expect(state.mode).toBe('closed');
  });
});

describe('waiting for a person', () => {
  const mode = (over: Partial<Extract<ServerFrame, { type: 'mode' }>>) => frame({ type: 'mode', mode: 'waiting', ...over });

  it('tells the place, who is asked and whether anybody is there, and forgets it with the person', () => {
    const asked = play(ready(), mode({ position: 3, wait_s: 90, agent: '韦晴', team: '宽带组', open: true })).state;
    expect(asked).toMatchObject({ position: 3, waitSeconds: 90, agent: '韦晴', team: '宽带组', open: true });
    const closed = play(asked, mode({ position: 1, open: false, opens_at: AT })).state;
    expect(closed).toMatchObject({ position: 1, waitSeconds: null, agent: null, team: null, open: false, opensAt: AT });
    expect(play(closed, mode({ mode: 'human', agent: '秦朗' })).state).toMatchObject({ mode: 'human', agent: '秦朗', open: true, opensAt: null });
    expect(play(closed, welcome({ mode: 'bot' })).state).toMatchObject({ mode: 'bot', open: true });
  });

  it('takes contact details once, and again where they were refused', () => {
    const put: ChatEvent = { type: 'put', frame: { type: 'contact', id: 'k', phone: '19900000101' }, label: '', at: AT };
    const left = play(ready(), put);
    expect(left.sent).toEqual([{ type: 'contact', id: 'k', phone: '19900000101' }]);
    expect(left.state.contacted).toBe(true);
    expect(play(left.state, frame({ type: 'ack', id: 'k', seq: 2 })).state).toMatchObject({ contacted: true, outbox: [] });
    expect(play(left.state, frame({ type: 'error', id: 'k', code: 'bad_frame', message: '' })).state).toMatchObject({ contacted: false, outbox: [] });
  });

  it('asks how it was only when told to, until the customer has said it', () => {
    const over = play(ready(), mode({ mode: 'closed', rate: true })).state;
    expect(over).toMatchObject({ rateable: true, rated: false });
    const rated = play(over, { type: 'put', frame: { type: 'feedback', id: 'f', score: 5, solved: true }, label: '', at: AT });
    expect(rated.sent).toEqual([{ type: 'feedback', id: 'f', score: 5, solved: true }]);
    expect(rated.state).toMatchObject({ rated: true, feedback: {} });
    expect(play(rated.state, frame({ type: 'error', id: 'f', code: 'internal', message: '' })).state.rated).toBe(false);
    expect(play(ready(), mode({ mode: 'closed' })).state.rateable).toBe(false);
    expect(play(rated.state, mode({ mode: 'human', agent: '韦晴' })).state).toMatchObject({ rateable: false, rated: false });
  });
});

it('follows another tab of the same site into its new conversation', () => {
  const { state, reconnects } = play(ready(), { type: 'adopt', conversation: 'c2', token: 't2' });
  expect(reconnects).toBe(1);
  expect(helloFrame(state)).toMatchObject({ conversation: 'c2', token: 't2', last_seq: 0 });
  expect(play(ready(), { type: 'adopt', conversation: 'c1', token: 't1' }).reconnects).toBe(0);
});
