import { describe, expect, it } from 'vitest';
import { filled, fitting, openVariable, slashAt } from '../src/desk/canned';
import type { Canned } from '../src/desk/canned';
import { byComponent, readDiagnosis } from '../src/desk/diagnosis';
import { KEY_TABLE, commandFor } from '../src/desk/keymap';
import type { KeyPress, KeyRow } from '../src/desk/keymap';
import { nearEnd, scrolledTo, visibleRows } from '../src/desk/virtual';
import * as zh from '../src/i18n/zh';

describe('the rows that are drawn', () => {
  it.each([
    [0, 0],
    [5, 0],
    [5_000, 0],
    [5_000, 123_456],
    [5_000, 9e9],
    [5_000, -80],
    [40, 9e9],
  ])('cover the view and little more: %i rows scrolled to %i', (count, scrollTop) => {
    const { from, to, height } = visibleRows(count, 76, scrollTop, 600);
    expect(height).toBe(count * 76);
    expect(to - from).toBeLessThanOrEqual(Math.min(count, 21));
    const top = Math.min(Math.max(0, scrollTop), Math.max(0, height - 600));
    expect(from * 76).toBeLessThanOrEqual(top);
    expect(to * 76).toBeGreaterThanOrEqual(Math.min(height, top + 600));
  });

  it('scroll no further than they must', () => {
    expect(scrolledTo(3, 76, 0, 600)).toBe(0);
    expect(scrolledTo(10, 76, 0, 600)).toBe(11 * 76 - 600);
    expect(scrolledTo(2, 76, 900, 600)).toBe(2 * 76);
  });

  it('tell when the end is near', () => {
    expect(nearEnd(visibleRows(200, 76, 0, 600), 200, 40)).toBe(false);
    expect(nearEnd(visibleRows(200, 76, 150 * 76, 600), 200, 40)).toBe(true);
  });
});

describe('keys', () => {
  const press = (key: string, over: Partial<KeyPress> = {}): KeyPress => ({
    key,
    altKey: false,
    ctrlKey: false,
    metaKey: false,
    isComposing: false,
    ...over,
  });
  const rows: readonly KeyRow[] = KEY_TABLE;

  it('are each used once and explained', () => {
    const keys = rows.flatMap((row) => row.keys);
    expect(new Set(keys).size).toBe(keys.length);
    for (const row of rows) expect(Object.keys(zh.desk), row.text).toContain(`keys_${row.text}`);
  });

  it('leave text fields, browsers and input methods alone', () => {
    expect(commandFor(press('j'), false, true)).toBe('next');
    expect(commandFor(press('j'), true, true)).toBeUndefined();
    expect(commandFor(press('j'), false, false)).toBeUndefined();
    expect(commandFor(press('c', { ctrlKey: true }), false, true)).toBeUndefined();
    expect(commandFor(press('t', { metaKey: true }), false, true)).toBeUndefined();
    expect(commandFor(press('j', { isComposing: true }), false, true)).toBeUndefined();
    expect(commandFor(press('q'), false, true)).toBeUndefined();
  });

  it('work everywhere with a modifier, and Escape too', () => {
    expect(commandFor(press('ArrowDown', { altKey: true }), true, false)).toBe('next');
    expect(commandFor(press('ArrowDown'), true, true)).toBeUndefined();
    expect(commandFor(press('Escape'), true, false)).toBe('escape');
  });
});

describe('canned replies', () => {
  const replies: Canned[] = [
    { id: '1', shortcut: 'hello', title: 'Greeting', text: 'Hello {customer}, this is {agent}.' },
    { id: '2', shortcut: 'help', title: 'Offer help', text: 'What can I do?' },
    { id: '3', shortcut: 'bye', title: 'Farewell', text: 'Goodbye, and hello again soon.' },
  ];

  it('are looked for after a slash at the beginning or behind a space', () => {
    expect(slashAt('/', 1)).toEqual({ from: 0, to: 1, query: '' });
    expect(slashAt('Hi /he and more', 6)).toEqual({ from: 3, to: 6, query: 'he' });
    expect(slashAt('/he llo', 7)).toBeNull();
    expect(slashAt('https://a.example', 17)).toBeNull();
    expect(slashAt('1/2', 3)).toBeNull();
  });

  it('are found by shortcut first, then by what they say', () => {
    const ids = (query: string) => fitting(replies, query).map(({ id }) => id);
    expect(ids('')).toEqual(['3', '1', '2']);
    expect(ids('he')).toEqual(['1', '2', '3']);
    expect(ids('GREET')).toEqual(['1']);
    expect(ids('nothing like it')).toEqual([]);
  });

  it('keep the variables that have no value in sight', () => {
    const text = filled(replies[0]?.text ?? '', { customer: '', agent: '$& {customer}', constructor: 'x' });
    expect(text).toBe('Hello {customer}, this is $& {customer}.');
    expect(openVariable(text)).toEqual({ from: 6, to: 16 });
    expect(filled('{toString}', {})).toBe('{toString}');
    expect(openVariable('none')).toBeNull();
  });
});

describe('the diagnosis of a hand-over', () => {
  it('is read in order of probability, whatever is missing', () => {
    const report = {
      symptom: 'No mobile data',
      hypotheses: [
        { id: 'apn', fault: 'Wrong APN', probability: 0.2, component: 'Settings' },
        { id: 'airplane', fault: 'Airplane mode', probability: 1.7 },
        { fault: 'no probability' },
        'nonsense',
      ],
      checks: [
        { id: 'check_sim_status', check: 'SIM status', outcome: { 'SIM status': 'fine' } },
        { id: 'check_light', check: 'Lights', outcome: { LOS: 'red', PON: 'off' }, by: 'system' },
        { check: 'Balance', outcome: 'unsure' },
      ],
      fixes: [{ id: 'toggle_airplane_mode', fix: 'Airplane mode off and on', outcome: 'still' }],
      next: 'Check the APN',
    };
    expect(readDiagnosis(report)).toEqual({
      symptom: 'No mobile data',
      hypotheses: [
        { id: 'airplane', fault: 'Airplane mode', probability: 1, component: '' },
        { id: 'apn', fault: 'Wrong APN', probability: 0.2, component: 'Settings' },
      ],
      checks: [
        { what: 'SIM status', outcome: 'fine', bySystem: false },
        { what: 'Lights', outcome: 'LOS: red; PON: off', bySystem: true },
        { what: 'Balance', outcome: 'unsure', bySystem: false },
      ],
      fixes: [{ what: 'Airplane mode off and on', outcome: 'still', bySystem: false }],
      next: 'Check the APN',
      team: '',
    });
    expect(readDiagnosis({ engine: {} })).toBeNull();
    expect(readDiagnosis('text')).toBeNull();
  });

  it('is gathered by component, the likeliest first', () => {
    const fault = (id: string, probability: number, component: string) => ({ id, fault: id, probability, component });
    const parts = byComponent([fault('a', 0.4, 'SIM'), fault('b', 0.35, 'Settings'), fault('c', 0.15, 'Settings'), fault('d', 0.1, 'SIM')], 3);
    expect(parts.map(({ name, faults }) => [name, faults.map(({ id }) => id)])).toEqual([
      ['SIM', ['a']],
      ['Settings', ['b', 'c']],
    ]);
  });
});
