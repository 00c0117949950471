import { describe, expect, it } from 'vitest';
import { ADDITIONS, FIELDS, beginning, reliability, withFacet, withOutcomes } from '../src/admin/graph/kinds';
import { KINDS, linksOf } from '../src/admin/graph/model';
import type { GraphNode, Nodes } from '../src/admin/graph/model';
import { pathTo, rowsOf } from '../src/admin/graph/rows';
import { readRoute, routeTo } from '../src/admin/route';
import { admin as zh } from '../src/i18n/adminZh';

const named = (name: string) => ({ zh: name, en: name });

describe('forms', () => {
  it('have a label for every field of every kind', () => {
    for (const kind of KINDS) {
      for (const field of FIELDS[kind]) {
        expect(Object.hasOwn(zh, `field_${kind}_${field.key}`) || Object.hasOwn(zh, `field_${field.key}`), `${kind} ${field.key}`).toBe(true);
        if (field.shape.type === 'choice') for (const option of field.shape.options) expect(Object.hasOwn(zh, `option_${option || 'none'}`), option).toBe(true);
      }
    }
  });

  it('begin with fields of their kind alone, linked to what a node is added to', () => {
    const fault: GraphNode = { id: 'cut', kind: 'fault', data: {} };
    for (const kind of KINDS) {
      const known = new Set([...FIELDS[kind].map((field) => field.key), 'reliability']);
      expect(Object.keys(beginning(kind, named('n'), fault)).filter((key) => !known.has(key)), kind).toEqual([]);
    }
    for (const kind of ADDITIONS.fault) {
      const made: GraphNode = { id: 'new', kind, data: beginning(kind, named('n'), fault) };
      expect(linksOf(made).map((link) => link.target)).toEqual(['cut']);
    }
  });

  it('show one reliability where one number says all', () => {
    const outcome = (yes: number) => ({ label: {}, given: { yes, no: 1 - yes } });
    expect(reliability({ outcomes: { yes: outcome(0.9), no: { label: {}, given: { yes: 0.1, no: 0.9 } } } })).toBe(0.9);
    expect(reliability({ outcomes: { yes: outcome(0.9), no: { label: {}, given: { yes: 0.3, no: 0.7 } } } })).toBeNull();
    expect(reliability({ outcomes: { yes: {}, no: {} }, reliability: 0.8 })).toBe(0.8);
    expect(reliability({ outcomes: { yes: {}, no: {} } })).toBe(0.97);
    expect(reliability({ outcomes: { yes: {}, no: {} }, sensitivity: 0.8 })).toBeNull();
    expect(withOutcomes({ outcomes: {}, sensitivity: 0.8 }, { yes: outcome(0.9) }, 0.95)).toEqual({ outcomes: { yes: { label: {} } }, reliability: 0.95 });
  });
});

describe('the list', () => {
  const node = (kind: GraphNode['kind'], id: string, data: object = {}): GraphNode => ({ id, kind, data: { name: named(id), ...data } });
  const nodes: Nodes = new Map(
    [
      node('symptom', 'down', { caused_by: 'line' }),
      node('gate', 'line', { formula: 'cut or line' }),
      node('fault', 'cut'),
      node('fix', 'mend', { repairs: { cut: 0.9 } }),
      node('fault', 'lost'),
      node('component', 'box'),
    ].map((one) => [one.id, one]),
  );
  const shown = (opened: readonly string[]) => rowsOf(nodes, new Set(opened)).map((row) => `${'-'.repeat(row.level)}${row.id || `#${row.kind}`}`);

  it('opens step by step, and a gate inside itself ends it', () => {
    expect(shown([])).toEqual(['-down', '-#loose', '-#component']);
    expect(shown([...pathTo(nodes, 'mend'), 'down ▸ line ▸ line'])).toEqual(['-down', '--line', '---cut', '----mend', '---line', '-#loose', '-#component']);
    expect(shown(pathTo(nodes, 'lost'))).toContain('--lost');
    expect(shown(pathTo(nodes, 'box'))).toContain('--box');
  });
});

it('leads to every page by its address, and from any other to the first', () => {
  expect(readRoute(routeTo('graph', 'a/b %'))).toEqual({ page: 'graph', rest: ['a/b %'] });
  expect(readRoute('#/history/12')).toEqual({ page: 'history', rest: ['12'] });
  expect(readRoute('#/nowhere')).toEqual({ page: 'graph', rest: [] });
  expect(readRoute('#/graph/%')).toEqual({ page: 'graph', rest: ['%'] });
});

describe('aspects of a check', () => {
  const apply = (data: Record<string, unknown>) => {
    const made = structuredClone(data);
    for (const [path, value] of withFacet(data)) {
      const last = path[path.length - 1] ?? '';
      const at = path.slice(0, -1).reduce<Record<string, unknown>>((here, part) => here[part] as Record<string, unknown>, made);
      if (value === null) delete at[last];
      else at[last] = value;
    }
    return made;
  };
  const outcomes = { red: { label: named('red'), when: 'cut' }, fine: { label: named('fine') } };

  it('move the only one beside the new one', () => {
    const made = apply({ name: named('n'), outcomes, reliability: 0.9 });
    expect(Object.keys(made)).toEqual(['name', 'facets']);
    const facets = made['facets'] as Record<string, Record<string, unknown>>;
    expect(Object.keys(facets)).toEqual(['aspect_1', 'aspect_2']);
    expect(facets['aspect_1']).toMatchObject({ outcomes, reliability: 0.9 });
    expect(Object.keys(facets['aspect_2']?.['outcomes'] ?? {})).toHaveLength(2);
  });

  it('get a name that none has', () => {
    const made = apply({ facets: { power: { outcomes }, aspect_2: { outcomes } } });
    expect(Object.keys(made['facets'] as object)).toEqual(['power', 'aspect_2', 'aspect_3']);
  });
});
