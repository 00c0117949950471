// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { reconnectDelay } from '../src/shared/backoff';
import { contrast, palette, paletteCss, parseHex } from '../src/shared/colour';
import type { Rgb } from '../src/shared/colour';
import { readMessage, readServerFrame } from '../src/shared/frames';
import { sendsMessage } from '../src/shared/keys';
import { clearLanguage, codePoints, linkify, safeLink } from '../src/shared/text';
import { clock, daysAgo, stopwatch } from '../src/shared/time';
import { transcriptText } from '../src/shared/transcript';

describe('clearLanguage', () => {
  it.each([
    ['我的套餐什么时候到期', 'zh'],
    ['帮我看看 QH48210937', 'zh'],
    ['我要換套餐', 'zh'],
    ['How much data have I left?', 'en'],
    ['router is broken', 'en'],
    ['199 0000 0101', null],
    ['ok', null],
    ['QH48210937', null],
    ['好', null],
    ['', null],
    ['😀😀', null],
  ])('%s → %s', (text, expected) => expect(clearLanguage(text)).toBe(expected));
});

describe('links', () => {
  const base = 'https://help.example.com/widget.js';

  it('resolves against the serving host and refuses other schemes', () => {
    expect(safeLink('/help/esim', base)).toEqual({ href: 'https://help.example.com/help/esim', sameOrigin: true });
    expect(safeLink('http://example.org/', base)).toEqual({ href: 'http://example.org/', sameOrigin: false });
    for (const url of ['javascript:alert(1)', ' java\nscript:alert(1)', 'data:text/html,x', 'blob:x', 'http://', 'mailto:a@b']) {
      expect(safeLink(url, base)).toBeNull();
    }
  });

  it('finds addresses in a text and nothing else', () => {
    expect(linkify('请看https://a.example/x?y=1，或者 javascript:alert(1)')).toEqual([
      { text: '请看' },
      { text: 'https://a.example/x?y=1', href: 'https://a.example/x?y=1' },
      { text: '，或者 javascript:alert(1)' },
    ]);
    expect(linkify('(see https://a.example/b).').map((part) => part.text).join('')).toBe('(see https://a.example/b).');
    expect(linkify('')).toEqual([]);
  });
});

it('counts characters as the server does', () => {
  expect(codePoints('a😀流')).toBe(3);
});

describe('sendsMessage', () => {
  const key = (init: KeyboardEventInit & { keyCode?: number }) => sendsMessage(new KeyboardEvent('keydown', init));

  it('sends with Enter, breaks the line with Shift+Enter, and leaves input methods their Enter', () => {
    expect(key({ key: 'Enter' })).toBe(true);
    expect(key({ key: 'Enter', shiftKey: true })).toBe(false);
    expect(key({ key: 'Enter', isComposing: true })).toBe(false);
    expect(key({ key: 'Enter', keyCode: 229 })).toBe(false);
    expect(key({ key: 'a' })).toBe(false);
  });
});

describe('reconnectDelay', () => {
  it('doubles up to a ceiling and never waits nothing', () => {
    const waits = Array.from({ length: 12 }, (_, attempt) => reconnectDelay(attempt, 1006, false, 0));
    expect(waits[0]).toBe(250);
    expect(waits[1]).toBe(500);
    expect(waits.at(-1)).toBe(2_500);
    expect(reconnectDelay(50, 1006, false, 1)).toBe(5_000);
  });

  it('comes back soon after a restart, and late when told to try later or slow down', () => {
    expect(reconnectDelay(0, 1012, false, 1)).toBeLessThan(2_000);
    expect(reconnectDelay(0, 1013, false, 0)).toBeGreaterThanOrEqual(4_000);
    expect(reconnectDelay(50, 1013, false, 1)).toBe(5_000);
    expect(reconnectDelay(0, 1008, true, 0)).toBeGreaterThanOrEqual(30_000);
  });
});

describe('palette', () => {
  const ratio = (a: string, b: string) => contrast(parseHex(a) as Rgb, parseHex(b) as Rgb);

  it.each(['#0B6B4F', '#ffd400', '#ffffff', '#000000', '#8899aa', '#f0f', 'nonsense', undefined])(
    'is readable in both schemes whatever the company chose: %s',
    (primary) => {
      for (const dark of [false, true]) {
        const colours = palette(primary === undefined ? undefined : { primary }, dark);
        expect(ratio(colours.brand, colours.onBrand)).toBeGreaterThanOrEqual(4.5);
        expect(ratio(colours.ink, dark ? '#1c201f' : '#ffffff')).toBeGreaterThanOrEqual(4.5);
        expect(ratio(colours.brand, dark ? '#1c201f' : '#ffffff')).toBeGreaterThanOrEqual(3);
      }
    },
  );

  it('puts nothing but hexadecimal colours into the style sheet', () => {
    const css = paletteCss(':root', { primary: 'red;}*{display:none', accent: 'url(//evil)' });
    expect(css).not.toMatch(/evil|display/);
  });
});

describe('readServerFrame', () => {
  it('keeps what it understands and drops the rest', () => {
    const frame = readServerFrame(
      JSON.stringify({
        type: 'message',
        seq: 4,
        role: 'bot',
        text: 'x',
        at: 'now',
        choices: [{ value: '/a', label: 'A' }, { value: 1 }, null],
        citations: [{ title: 'T', url: '/help/t' }, 'x'],
        step: { kind: 'dance', id: 'y' },
        future: true,
      }),
    );
    expect(frame).toEqual({
      type: 'message',
      seq: 4,
      role: 'bot',
      text: 'x',
      at: 'now',
      choices: [{ value: '/a', label: 'A' }],
      citations: [{ title: 'T', url: '/help/t' }],
    });
  });

  it('never takes an internal note for a message', () => {
    expect(readServerFrame('{"type":"message","seq":1,"role":"note","text":"x","at":""}')).toBeUndefined();
  });
});

describe('times', () => {
  it('reads as people do', () => {
    expect(stopwatch(7.9)).toBe('0:07');
    expect(stopwatch(3729)).toBe('1:02:09');
    expect(stopwatch(-5)).toBe('0:00');
    expect(clock('not a time', 'zh')).toBe('');
    const now = new Date(2026, 2, 1, 0, 10);
    expect(daysAgo(new Date(2026, 1, 28, 23, 50).toISOString(), now)).toBe(1);
    expect(daysAgo(now.toISOString(), now)).toBe(0);
  });
});

it('writes a conversation down for the customer to keep', () => {
  const words = { title: 'Qinghe', you: 'You', assistant: 'Assistant', agent: 'Support', picture: 'picture', time: (at: string) => at.slice(11, 16) };
  const at = '2026-03-01T08:05:00Z';
  const picture = { id: 'u', url: '/api/uploads/u', width: 1, height: 1, alt: '' };
  expect(
    transcriptText(
      [
        { seq: 1, role: 'customer', text: 'a\nb', at },
        { seq: 2, role: 'bot', text: 'c', at, citations: [{ title: 'T', url: '/help/t' }] },
        { seq: 3, role: 'agent', name: 'Wei', text: '', at, image: picture },
      ],
      words,
    ),
  ).toBe('Qinghe\n\n08:05  You\n    a\n    b\n\n08:05  Assistant\n    c\n    ↗ T\n\n08:05  Wei\n    [picture]\n');
});

it('shows no picture from elsewhere', () => {
  const read = (url: string) => readMessage({ seq: 1, role: 'agent', text: '', at: '', image: { id: 'u', url, width: 1, height: 1 } })?.image?.url;
  expect(read('/api/uploads/u')).toBe('/api/uploads/u');
  for (const url of ['https://evil.example/x.png', '//evil.example/x', 'javascript:alert(1)', '/api/session']) expect(read(url)).toBeUndefined();
});
