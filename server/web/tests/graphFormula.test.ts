import { describe, expect, it } from 'vitest';
import { asList, events, fromList, parse, renamed, withEvent, withoutEvent, write } from '../src/admin/graph/formula';

describe('formulas', () => {
  it.each([
    'a', 'a or b', 'a and (b or c)', 'not a and b', 'not (a or b)', '2 of (a, b, c)', '1 to 2 of (a, b and c)', 'nand(a, b) xor c',
    'sim_missing or (abroad and not roaming-on)', 'true', '路由器 or 光猫', '3g_off or 5g_off',
  ])('reads and writes %s', (text) => {
    const formula = parse(text);
    expect(formula).not.toBeNull();
    expect(parse(write(formula!))).toEqual(formula);
  });

  it.each(['', 'a or', '(a', 'a b', 'or', '2 of a', 'a $ b', `${'('.repeat(70)}a${')'.repeat(70)}`])('cannot read %j', (text) => {
    expect(parse(text)).toBeNull();
  });

  it('names the nodes, also in what is half written', () => {
    expect(events('b or (a and not b) or 2 of (c, d)')).toEqual(['b', 'a', 'c', 'd']);
    expect(events('a or (b and')).toEqual(['a', 'b']);
  });

  it('gains, loses and renames a node', () => {
    expect(withEvent('', 'a')).toBe('a');
    expect(withEvent('a or b', 'c')).toBe('a or b or c');
    expect(withEvent('a and b', 'c')).toBe('a and b and c');
    expect(withEvent('not a', 'b')).toBe('not a or b');
    expect(withEvent('a or b', 'b')).toBe('a or b');
    expect(withEvent('a or (', 'b')).toBe('a or (');
    expect(withoutEvent('a or b or c', 'b')).toBe('a or c');
    expect(withoutEvent('a and (b or c)', 'c')).toBe('a and b');
    expect(withoutEvent('3 of (a, b, c)', 'b')).toBe('2 of (a, c)');
    expect(withoutEvent('not a', 'a')).toBe('');
    expect(renamed('a or (b and not a)', 'a', 'z')).toBe('z or b and not z');
  });

  it('is a plain list where it is one', () => {
    expect(asList('a or b')).toEqual({ how: 'any', low: 1, names: ['a', 'b'] });
    expect(asList('2 of (a, b, c)')).toEqual({ how: 'least', low: 2, names: ['a', 'b', 'c'] });
    expect(asList('a or (b and c)')).toBeNull();
    for (const text of ['a', 'a or b', 'a and b', '2 of (a, b, c)']) expect(fromList(asList(text)!)).toBe(text);
  });
});
