import { describe, expect, it } from 'vitest';
import type { ChatState, Outgoing } from '../src/shared/chatState';
import { initialState } from '../src/shared/chatState';
import type { ChatMessage } from '../src/shared/frames';
import { timeline } from '../src/widget/timeline';
import type { Item } from '../src/widget/timeline';

const NOW = new Date(2026, 2, 1, 12, 0);
const at = (minutes: number, days = 0) => new Date(NOW.getTime() - minutes * 60_000 - days * 86_400_000).toISOString();
const CHOICES = [
  { value: '/affirm', label: '好了' },
  { value: '/deny', label: '还是不行' },
];

function state(messages: Omit<ChatMessage, 'seq'>[], over: Partial<ChatState> = {}): ChatState {
  return { ...initialState('zh'), link: 'ready', messages: messages.map((message, i) => ({ ...message, seq: i + 1 })), ...over };
}

const messagesOf = (items: Item[]) => items.filter((item) => item.kind === 'message');

describe('timeline', () => {
  it('runs the messages of one speaker together and separates days', () => {
    const items = timeline(
      state([
        { role: 'bot', text: 'a', at: at(0, 1) },
        { role: 'bot', text: 'b', at: at(3) },
        { role: 'bot', text: 'c', at: at(2) },
        { role: 'customer', text: 'd', at: at(1) },
      ]),
      NOW,
    );
    expect(items.map((item) => item.kind)).toEqual(['day', 'message', 'day', 'message', 'message', 'message']);
    expect(messagesOf(items).map((item) => [item.first, item.last])).toEqual([
      [true, true],
      [true, false],
      [false, true],
      [true, true],
    ]);
  });

  it('leaves choices open until the customer answers, by button or by words', () => {
    const offer = { role: 'bot' as const, text: '好了吗', at: at(2), choices: CHOICES };
    expect(messagesOf(timeline(state([offer]), NOW))[0]?.choicesOpen).toBe(true);

    const put: Outgoing = { frame: { type: 'choice', id: 'x', seq: 1, value: '/deny' }, label: '还是不行', at: at(1), state: 'sent' };
    const [pressed] = messagesOf(timeline(state([offer], { outbox: [put] }), NOW));
    expect(pressed).toMatchObject({ choicesOpen: false, chosen: '/deny' });

    const [answered] = messagesOf(timeline(state([offer, { role: 'customer', text: '好了', at: at(1) }]), NOW));
    expect(answered).toMatchObject({ choicesOpen: false, chosen: '/affirm' });

    const [written] = messagesOf(timeline(state([offer, { role: 'customer', text: '算了', at: at(1) }]), NOW));
    expect(written).toMatchObject({ choicesOpen: false, chosen: null });
    expect(messagesOf(timeline(state([offer], { mode: 'human' }), NOW))[0]?.choicesOpen).toBe(false);
  });

  it('says of the last own message only whether it was delivered or read', () => {
    const own = [
      { role: 'customer' as const, text: 'a', at: at(5) },
      { role: 'customer' as const, text: 'b', at: at(4) },
    ];
    expect(messagesOf(timeline(state(own), NOW)).map((item) => item.delivery)).toEqual([null, 'sent']);
    expect(messagesOf(timeline(state(own, { readByAgent: 2 }), NOW)).map((item) => item.delivery)).toEqual([null, 'read']);
  });

  it('asks for an opinion on answers, not on the greeting', () => {
    const items = messagesOf(
      timeline(
        state([
          { role: 'bot', text: '您好', at: at(3) },
          { role: 'customer', text: '查流量', at: at(2) },
          { role: 'bot', text: '还剩 3 GB', at: at(1) },
        ]),
        NOW,
      ),
    );
    expect(items.map((item) => item.rateable)).toEqual([false, false, true]);
  });
});
