// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import { ChatClient } from '../src/shared/chatClient';
import type { Outside, SocketLike } from '../src/shared/link';
import { browserMemory } from '../src/shared/memory';

class FakeSocket implements SocketLike {
  readyState = 0;
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | null = null;

  send(data: string) {
    this.sent.push(JSON.parse(data));
  }

  close(code = 1000) {
    this.closedWith = code;
    this.readyState = 3;
  }

  opens() {
    this.readyState = 1;
    this.onopen?.(new Event('open'));
  }

  gives(frame: object) {
    this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(frame) }));
  }

  breaks(code: number) {
    this.readyState = 3;
    this.onclose?.(new CloseEvent('close', { code }));
  }
}

/** Timers that fire when the test says so. */
class World implements Outside {
  sockets: FakeSocket[] = [];
  timers = new Map<number, { run: () => void; ms: number }>();
  private next = 1;

  socket() {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }

  setTimeout(run: () => void, ms: number) {
    this.timers.set(this.next, { run, ms });
    return this.next++;
  }

  clearTimeout(timer: number) {
    this.timers.delete(timer);
  }

  random() {
    return 0.5;
  }

  get last() {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  /** Fires the only pending timer and gives how long it was to wait. */
  fire() {
    const [[id, timer], ...more] = [...this.timers] as [[number, { run: () => void; ms: number }]];
    expect(more).toEqual([]);
    this.timers.delete(id);
    timer.run();
    return timer.ms;
  }
}

const WELCOME = { type: 'welcome', conversation: 'c1', token: 't1', mode: 'bot', seq: 0, locale: 'en', resumed: false };
const ORIGIN = 'https://help.example.com';

let world: World;
let ids: number;

function client() {
  return new ChatClient({
    url: 'wss://help.example.com/ws/chat',
    locale: 'en',
    keep: browserMemory(localStorage, sessionStorage, ORIGIN),
    outside: world,
    now: () => new Date('2026-03-01T08:00:00Z'),
    newId: () => `id-${++ids}`,
  });
}

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  world = new World();
  ids = 0;
});

describe('a message that was put off', () => {
  it('is sent again by itself, under its id, after the time that the server names', () => {
    const chat = client();
    chat.connect();
    world.last.opens();
    world.last.gives(WELCOME);
    chat.say('hello');
    world.last.gives({ type: 'error', code: 'busy', message: '', id: 'id-1', position: 97, retry_s: 5 });
    expect(chat.state.outbox.map((item) => item.state)).toEqual(['failed']);
    [...world.timers.values()].find((timer) => timer.ms === 6250)?.run();
    expect(world.last.sent.slice(1)).toEqual(Array(2).fill({ type: 'message', id: 'id-1', text: 'hello' }));
    expect(chat.state.outbox.map((item) => item.state)).toEqual(['sent']);
  });

  it('is not lost where it was a button', () => {
    const chat = client();
    chat.connect();
    world.last.opens();
    world.last.gives(WELCOME);
    chat.choose(1, '/thanks', 'Thank you');
    world.last.gives({ type: 'error', code: 'busy', message: '', id: 'id-1', position: 97, retry_s: 5 });
    expect(chat.state.notice).toBeNull();
    [...world.timers.values()].find((timer) => timer.ms === 6250)?.run();
    expect(world.last.sent.slice(1)).toEqual(Array(2).fill({ type: 'choice', id: 'id-1', seq: 1, value: '/thanks' }));
  });
});

describe('a connection', () => {
  it('says hello, and after a loss comes back with what it has', () => {
    const chat = client();
    chat.connect();
    world.last.opens();
    expect(world.last.sent).toEqual([{ type: 'hello', locale: 'en', last_seq: 0 }]);
    world.last.gives(WELCOME);
    world.last.gives({ type: 'message', seq: 1, role: 'bot', text: 'Hello', at: '2026-03-01T08:00:00Z' });
    world.last.breaks(1006);
    world.fire();
    world.last.opens();
    expect(world.last.sent[0]).toEqual({ type: 'hello', locale: 'en', last_seq: 1, conversation: 'c1', token: 't1' });
  });

  it('waits longer after each failure and starts afresh after a welcome', () => {
    const chat = client();
    chat.connect();
    const waits: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      world.last.breaks(1006);
      waits.push(world.fire());
    }
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0);
    expect(waits[2]).toBeGreaterThan(waits[1] ?? 0);
    world.last.opens();
    world.last.gives(WELCOME);
    world.last.breaks(1006);
    expect(world.fire()).toBe(waits[0]);
  });

  it('takes silence after a ping for a dead connection', () => {
    const chat = client();
    chat.connect();
    world.last.opens();
    world.last.gives(WELCOME);
    const first = world.last;
    world.fire();
    expect(first.sent.at(-1)?.['type']).toBe('ping');
    world.fire();
    expect(first.closedWith).toBe(1000);
    expect(chat.state.link).toBe('lost');
    world.fire();
    expect(world.last).not.toBe(first);
  });

  it('is tried again at once when the page wakes, also while an attempt hangs', () => {
    const chat = client();
    chat.connect();
    const hanging = world.last;
    chat.wake();
    expect(hanging.closedWith).toBe(1000);
    world.last.breaks(1006);
    const lost = world.last;
    chat.wake();
    expect(world.last).not.toBe(lost);
    world.last.opens();
    world.last.gives(WELCOME);
    const { last } = world;
    chat.wake();
    expect(world.last).toBe(last);
    expect(last.sent.at(-1)?.['type']).toBe('ping');
  });

  it('gives up an attempt that gets no answer', () => {
    const chat = client();
    chat.connect();
    const hanging = world.last;
    expect(world.fire()).toBe(10_000);
    expect(hanging.closedWith).toBe(1000);
    expect(chat.state.link).toBe('lost');
  });

  it('ignores frames that are no frames', () => {
    const chat = client();
    chat.connect();
    world.last.opens();
    const before = chat.state;
    for (const data of ['', '{', '[]', 'null', '{"type":"message","seq":"1"}', '{"type":"nonsense"}']) {
      world.last.onmessage?.(new MessageEvent('message', { data }));
    }
    world.last.onmessage?.(new MessageEvent('message', { data: new ArrayBuffer(4) }));
    expect(chat.state).toBe(before);
  });
});

describe('memory', () => {
  it('delivers after a crash of the page what was written before it, with the same id', () => {
    const chat = client();
    chat.connect();
    world.last.opens();
    world.last.gives(WELCOME);
    chat.say('first');
    chat.say('second');
    world.last.gives({ type: 'ack', id: 'id-1', seq: 1 });

    world = new World();
    const reborn = client();
    reborn.connect();
    world.last.opens();
    expect(world.last.sent[0]).toMatchObject({ conversation: 'c1', token: 't1', last_seq: 0 });
    world.last.gives({ ...WELCOME, seq: 1, resumed: true });
    expect(world.last.sent.slice(1)).toEqual([{ type: 'message', id: 'id-2', text: 'second' }]);
    world.last.gives({ type: 'message', seq: 1, role: 'customer', text: 'first', at: '', client_id: 'id-1' });
    world.last.gives({ type: 'message', seq: 2, role: 'customer', text: 'second', at: '', client_id: 'id-2' });
    expect(reborn.state.outbox).toEqual([]);
    expect(Object.keys(localStorage).filter((key) => key.includes(':out:'))).toEqual([]);
  });

  it('keeps hosts apart and leaves foreign or damaged entries alone', () => {
    localStorage.setItem(`kefu:${ORIGIN}:session`, '{"conversation":5}');
    localStorage.setItem(`kefu:${ORIGIN}:out:x`, 'not json');
    localStorage.setItem(`kefu:${ORIGIN}:out:y`, '{"frame":{"type":"hello","id":"y"}}');
    localStorage.setItem('kefu:https://other.example.com:session', '{"conversation":"o","token":"o"}');
    const { outbox, conversation } = browserMemory(localStorage, sessionStorage, ORIGIN).load();
    expect(outbox).toEqual([]);
    expect(conversation).toBeUndefined();
  });

  it('works without storage', () => {
    const keep = browserMemory(null, null, ORIGIN);
    keep.saveSession('c', 't');
    keep.saveOpen(true);
    expect(keep.load()).toMatchObject({ open: false, outbox: [], seen: null });
  });
});
