import { describe, expect, it } from 'vitest';
import { query } from '../src/admin/figures/figuresApi';
import { labelled, pieces, scaleFor } from '../src/admin/figures/plot';

describe('an axis', () => {
  it.each([
    [[], 0],
    [[0, 0], 0],
    [[3], 0],
    [[0.87, 1], 1],
    [[19, 20, 7], 0],
    [[1234], 2000],
    [[0.00012], 0],
  ])('holds %j and at least %d, from 0, in even steps', (values, least) => {
    const { max, ticks } = scaleFor(values, least);
    expect(max).toBeGreaterThanOrEqual(Math.max(least, ...values, 0));
    expect(ticks[0]).toBe(0);
    expect(ticks.at(-1)).toBeCloseTo(max, 9);
    expect(ticks.length).toBeLessThanOrEqual(7);
  });
});

it('leaves a gap where a day has no value', () => {
  expect(pieces([1, 2, null, null, 3])).toEqual([
    [
      { at: 0, value: 1 },
      { at: 1, value: 2 },
    ],
    [{ at: 4, value: 3 }],
  ]);
  expect(pieces([null, null])).toEqual([]);
});

it('writes the last label and no more than there is room for', () => {
  expect(labelled(5, 10)).toEqual([0, 1, 2, 3, 4]);
  const some = labelled(365, 9);
  expect(some.at(-1)).toBe(364);
  expect(some.length).toBeLessThanOrEqual(9);
});

it('leaves it to the company what today is', () => {
  expect(query({ days: 7, channel: '', language: 'zh' })).toBe('days=7&language=zh');
});
