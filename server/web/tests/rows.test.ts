import { describe, expect, it } from 'vitest';
import { readOverview } from '../src/desk/overview';
import { belongs, placed, readRow, waitOf } from '../src/desk/rows';
import { NO_FILTER } from '../src/desk/rows';
import type { Lists, Row } from '../src/desk/rows';
import { snoozeChoices, tagList } from '../src/desk/times';

const row = (over: object = {}) => readRow({ conversation: 'c1', state: 'waiting', mode: 'waiting', since: '2026-03-01T08:00:00Z', ...over }) as Row;
const at = (time: string) => new Date(`2026-03-01T${time}Z`);

describe('a row', () => {
  it('is read from what older and newer servers give', () => {
    expect(readRow({ conversation: 'c', mode: 'human', agent: null, topic_label: null, rating: { score: null, solved: null } })).toMatchObject({
      state: 'assigned',
      agent: '',
      topicLabel: null,
      rating: null,
      tags: [],
    });
    expect(readRow({ mode: 'human' })).toBeUndefined();
    expect(readRow(null)).toBeUndefined();
  });

  it('belongs to one of waiting, snoozed and closed, and to its agent', () => {
    const tabs = (one: Row) => (['waiting', 'mine', 'all', 'snoozed', 'closed'] as const).filter((tab) => belongs(one, tab, 'lina'));
    expect(tabs(row())).toEqual(['waiting', 'all']);
    expect(tabs(row({ state: 'assigned', mode: 'human', agent: 'lina' }))).toEqual(['mine', 'all']);
    expect(tabs(row({ state: 'assigned', mode: 'human', agent: 'wang' }))).toEqual(['all']);
    expect(tabs(row({ offered_to: 'lina' }))).toEqual(['waiting', 'mine', 'all']);
    expect(tabs(row({ state: 'snoozed', agent: 'lina' }))).toEqual(['snoozed']);
    expect(tabs(row({ state: 'closed', agent: 'lina' }))).toEqual(['closed']);
  });

  it('warns before the target and after it', () => {
    const due = { due: '2026-03-01T08:02:00Z' };
    expect(waitOf(row(due), at('08:00:30'))).toEqual({ urgency: 'calm', waited: 30, left: 90 });
    expect(waitOf(row(due), at('08:01:40')).urgency).toBe('soon');
    expect(waitOf(row(due), at('08:03:00'))).toEqual({ urgency: 'over', waited: 180, left: -60 });
    expect(waitOf(row(), at('09:00:00'))).toEqual({ urgency: 'calm', waited: 3600, left: null });
    expect(waitOf(row({ state: 'assigned', due: '' }), at('09:00:00')).urgency).toBe('none');
    expect(waitOf(row({ state: 'assigned', unanswered: '2026-03-01T08:00:00Z' }), at('08:00:10')).waited).toBe(10);
    expect(waitOf(row(due), at('07:59:00')).waited).toBe(0);
  });

  it('finds its place among five thousand, and leaves lists alone that it is not in', () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => row({ conversation: `c${n}`, id: 5_000 - n, state: 'closed', mode: 'closed' }));
    const lists: Lists = { closed: { rows, next: 'p' }, waiting: { rows: [], next: null } };
    const next = placed(lists, row({ conversation: 'new', id: 5_001, state: 'closed' }), 'lina', NO_FILTER);
    expect(next.closed?.rows[0]?.conversation).toBe('new');
    expect(next.closed?.rows).toHaveLength(5_001);
    expect(next.waiting).toBe(lists.waiting);
    expect(placed(next, row({ conversation: 'c4999', state: 'waiting' }), 'lina', NO_FILTER).closed?.rows.at(-1)?.conversation).toBe('c4998');
  });
});

describe('what agents enter', () => {
  it('offers times that are still to come', () => {
    const names = (now: Date) => snoozeChoices(now).map(({ name }) => name);
    expect(names(new Date(2026, 2, 4, 10))).toEqual(['hour', 'evening', 'tomorrow', 'monday']);
    expect(names(new Date(2026, 2, 4, 17, 30))).toEqual(['hour', 'tomorrow', 'monday']);
    // On a Sunday tomorrow is Monday.
    expect(names(new Date(2026, 2, 1, 10))).toEqual(['hour', 'evening', 'tomorrow']);
    expect(snoozeChoices(new Date(2026, 2, 2, 10)).at(-1)?.until).toEqual(new Date(2026, 2, 9, 9));
  });

  it('parts tags at commas of both languages, each once', () => {
    expect(tagList(' a，b、c; a,, ')).toEqual(['a', 'b', 'c']);
    expect(tagList('  ')).toEqual([]);
  });
});

it('reads the overview whatever is missing', () => {
  const empty = readOverview(null);
  expect(empty).toMatchObject({ rate: null, agents: [], reasons: [], live: [] });
  expect(
    readOverview({
      now: { waiting: 2, longest_wait_s: 61.5 },
      agents: [{ agent: 'wang', state: 'away', today: { taken: 3, rating: 4.5 }, conversations: [{ conversation: 'c1', unanswered: null }] }, {}],
      handoffs: { conversations: 10, escalated: 4, rate: 0.4, reasons: [{ reason: 'policy', count: 4, share: 1 }] },
      ratings: { intents: [{ intent: 'esim', label: { zh: '电子卡', en: 'eSIM' }, count: 1, score: 5, solved_share: 1 }] },
    }),
  ).toMatchObject({
    now: { waiting: 2, assigned: 0, longestWaitS: 61.5 },
    agents: [{ agent: 'wang', name: 'wang', state: 'away', taken: 3, closed: 0, rating: 4.5, conversations: [{ conversation: 'c1', unanswered: '' }] }],
    rate: 0.4,
    reasons: [{ name: 'policy', count: 4, share: 1 }],
    byIntent: [{ name: 'esim', label: { zh: '电子卡', en: 'eSIM' }, solved: 1 }],
  });
});
