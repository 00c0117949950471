import { describe, expect, it } from 'vitest';
import * as session from '../src/admin/graph/draftSession';
import { layOut, NODE_HEIGHT, NODE_WIDTH } from '../src/admin/graph/layout';
import { freeId, isId, linksOf, scope, search } from '../src/admin/graph/model';
import type { Graph, GraphNode, Kind } from '../src/admin/graph/model';
import { apply, clashes, inverse, linking, readOperations, removal, setting, touches, unlinking } from '../src/admin/graph/operations';
import type { Operation } from '../src/admin/graph/operations';

const node = (kind: Kind, id: string, data: Record<string, unknown> = {}): GraphNode => ({ id, kind, data: { name: { zh: `${id}中`, en: `${id} en` }, ...data } });
const graphOf = (...nodes: GraphNode[]): Graph => ({ nodes: new Map(nodes.map((one) => [one.id, one])), layout: {} });
const small = () =>
  graphOf(
    node('symptom', 'down', { caused_by: 'line or hung', works: [{ zh: '好了吗', en: 'well?' }] }),
    node('gate', 'line', { formula: 'cut or loose' }),
    node('fault', 'cut', { prior: 0.1 }),
    node('fault', 'loose', { prior: 0.2 }),
    node('fault', 'hung', { prior: 0.3, component: 'box' }),
    node('check', 'lights', { outcomes: { red: { label: {}, when: 'cut or loose' }, green: { label: {} } } }),
    node('fix', 'restart', { repairs: { hung: 0.9 }, then: ['plug'] }),
    node('fix', 'plug', { repairs: { loose: 0.8 } }),
    node('component', 'box', {}),
  );
const plain = (graph: Graph) => ({ nodes: [...graph.nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), layout: graph.layout });

describe('operations', () => {
  const kinds: Record<string, Operation[]> = {
    'a new node': [{ op: 'put', node: node('fault', 'new') }],
    'a replaced node': [{ op: 'put', node: node('fault', 'cut', { prior: 0.9 }) }],
    'a field': [{ op: 'set', node: 'cut', path: ['name', 'en'], value: 'Cut' }],
    'a field that was not there': [{ op: 'set', node: 'cut', path: ['advice'], value: { zh: '一', en: 'one' } }],
    'a field deep in what was not there': [{ op: 'set', node: 'cut', path: ['advice', 'en'], value: 'one' }],
    'an element of a list': [{ op: 'set', node: 'down', path: ['works', 0, 'en'], value: 'better?' }],
    'a further element': [{ op: 'set', node: 'down', path: ['works', 1], value: { zh: '', en: '' } }],
    'no element': [{ op: 'set', node: 'down', path: ['works', 0], value: null }],
    'a field taken away': [{ op: 'set', node: 'cut', path: ['prior'], value: null }],
    'a removal with all that names it': removal(small(), 'hung'),
    'a new name': [{ op: 'rename', node: 'cut', to: 'fibre_cut' }],
    'several': [
      { op: 'put', node: node('fault', 'new') },
      { op: 'set', node: 'new', path: ['prior'], value: 0.2 },
      { op: 'rename', node: 'new', to: 'newer' },
      { op: 'set', node: 'line', path: ['formula'], value: 'cut or newer' },
    ],
  };
  it.each(Object.keys(kinds))('are taken back: %s', (name) => {
    const operations = kinds[name]!;
    const changed = apply(small(), operations);
    expect(plain(changed)).not.toEqual(plain(small()));
    expect(plain(apply(changed, inverse(small(), operations)))).toEqual(plain(small()));
  });

  it('leave nothing that points to what is gone', () => {
    const left = apply(small(), removal(small(), 'loose'));
    expect(left.nodes.get('line')?.data['formula']).toBe('cut');
    expect(left.nodes.get('plug')?.data['repairs']).toEqual({});
    for (const one of left.nodes.values()) for (const link of linksOf(one)) expect(left.nodes.has(link.target)).toBe(true);
    expect(apply(small(), removal(small(), 'plug')).nodes.get('restart')?.data['then']).toEqual([]);
  });

  it('rename everywhere', () => {
    const after = apply(small(), [{ op: 'rename', node: 'hung', to: 'frozen' }]);
    expect(after.nodes.get('down')?.data['caused_by']).toBe('line or frozen');
    expect(after.nodes.get('restart')?.data['repairs']).toEqual({ frozen: 0.9 });
  });

  it('link two nodes in the direction that makes sense', () => {
    const { nodes } = small();
    const linked = (a: string, b: string) => linking(nodes, a, b);
    expect(linked('hung', 'line')).toEqual([{ op: 'set', node: 'line', path: ['formula'], value: 'cut or loose or hung' }]);
    expect(linked('restart', 'cut')).toEqual([{ op: 'set', node: 'restart', path: ['repairs', 'cut'], value: 0.9 }]);
    expect(linked('hung', 'lights')).toEqual([{ op: 'set', node: 'lights', path: ['outcomes', 'red', 'when'], value: 'cut or loose or hung' }]);
    expect(linked('cut', 'box')).toEqual([{ op: 'set', node: 'cut', path: ['component'], value: 'box' }]);
    expect(linked('cut', 'loose')).toBeNull();
    const [link] = linksOf(nodes.get('restart')!);
    expect(unlinking(nodes.get('restart')!, link!)).toEqual([{ op: 'set', node: 'restart', path: ['repairs', 'hung'], value: null }]);
  });

  it('set what is missing on the way together with the field', () => {
    expect(setting(node('fault', 'a'), ['advice', 'zh'], '好')).toEqual({ op: 'set', node: 'a', path: ['advice'], value: { zh: '好' } });
    expect(setting(node('fault', 'a'), ['name', 'zh'], '好')).toEqual({ op: 'set', node: 'a', path: ['name', 'zh'], value: '好' });
  });

  it('are read from what the server sends, whatever that is', () => {
    const sent = [{ op: 'set', node: 'a', path: ['name'], value: 1 }, { op: 'put', node: { id: 'b', kind: 'fault', data: {} } }, { op: 'fly' }, null, { op: 'rename', node: 'a' }];
    expect(readOperations(sent).map((one) => one.op)).toEqual(['set', 'put']);
    expect(readOperations('no list')).toEqual([]);
  });

  it('meet where they touch the same field, one inside the other, or a node that goes', () => {
    const set = (...path: string[]): Operation => ({ op: 'set', node: 'a', path, value: path.join() });
    const gone: Operation = { op: 'remove', node: 'a' };
    expect(touches(set('name', 'zh'), set('name', 'en'))).toBe(false);
    expect(touches(set('name', 'zh'), set('name'))).toBe(true);
    expect(touches(set('prior'), gone)).toBe(true);
    expect(touches(gone, gone)).toBe(false);
    expect(touches({ op: 'place', node: 'a', x: 1, y: 1 }, set('name'))).toBe(false);
    expect(clashes([set('name')], [set('name')])).toEqual([]);
  });
});

describe('a draft', () => {
  const cut = (value: number): Operation[] => [{ op: 'set', node: 'cut', path: ['prior'], value }];
  const name = (value: string): Operation[] => [{ op: 'set', node: 'cut', path: ['name', 'en'], value }];
  const prior = (state: session.Session) => state.graph.nodes.get('cut')?.data['prior'];
  const begun = () => session.open(4, small(), []);

  it('undoes and redoes; typing is one step', () => {
    let state = session.edit(begun(), cut(0.2), 0);
    state = session.edit(state, name('C'), 5_000);
    state = session.edit(state, name('Cu'), 5_200);
    state = session.edit(state, name('Cut'), 5_400);
    expect(state.undo).toHaveLength(2);
    const typed = state.graph;
    state = session.undo(state);
    expect(state.graph.nodes.get('cut')?.data['name']).toEqual({ zh: 'cut中', en: 'cut en' });
    state = session.redo(state);
    expect(plain(state.graph)).toEqual(plain(typed));
    state = session.undo(session.undo(state));
    expect(plain(state.graph)).toEqual(plain(small()));
    expect(session.undo(state)).toBe(state);
  });

  it('shows at once what the server hears of later, in order', () => {
    let state = session.send(session.edit(begun(), cut(0.2), 0));
    state = session.edit(state, cut(0.3), 10_000);
    expect([prior(state), state.sending.length, state.waiting.length]).toEqual([0.3, 1, 1]);
    expect(session.send(state)).toBe(state);
    state = session.accepted(state, 5, []);
    expect([prior(state), state.revision, state.judged, session.saved(state)]).toEqual([0.3, 5, false, false]);
    state = session.accepted(session.send(state), 6, []);
    expect([state.judged, session.saved(state)]).toEqual([true, true]);
  });

  it('takes a move back to the place that the node had by itself', () => {
    const move: Operation[] = [[10, 20], [30, 40], [50, 60]].map(([x, y]) => ({ op: 'place', node: 'cut', x: x!, y: y! }));
    const moved = session.edit(begun(), move.slice(0, 2), 0);
    expect([moved.graph.layout['cut'], moved.waiting]).toEqual([[30, 40], [move[1]]]);
    expect(session.undo(moved).graph.layout['cut']).toEqual([10, 20]);
    expect(session.undo(session.edit(moved, move.slice(1), 9_000)).graph.layout['cut']).toEqual([30, 40]);
  });

  it('keeps what could not be sent', () => {
    let state = session.send(session.edit(begun(), cut(0.2), 0));
    state = session.returned(session.edit(state, name('Cut'), 9_000));
    expect(state.waiting).toEqual([...cut(0.2), ...name('Cut')]);
    expect(prior(state)).toBe(0.2);
  });

  it('lays mine on top of what others did elsewhere', () => {
    let state = session.send(session.edit(begun(), cut(0.2), 0));
    state = session.overtaken(state, 9, name('Severed'), 'Mei');
    expect(state.conflict).toBeNull();
    expect([prior(state), state.graph.nodes.get('cut')?.data['name'], state.revision]).toEqual([0.2, { zh: 'cut中', en: 'Severed' }, 9]);
    expect(session.send(state).sending).toEqual(cut(0.2));
  });

  it('asks where both changed the same, and sends nothing until that is settled', () => {
    const state = session.overtaken(session.edit(session.send(session.edit(begun(), cut(0.2), 0)), name('Cut'), 9_000), 9, cut(0.5), 'Mei');
    expect(state.conflict).toEqual({ by: 'Mei', clashes: [{ mine: cut(0.2)[0], theirs: cut(0.5)[0] }] });
    expect(session.send(state).sending).toEqual([]);
    expect(prior(session.settle(state, 'mine'))).toBe(0.2);
    const theirs = session.settle(state, 'theirs');
    expect([prior(theirs), theirs.waiting]).toEqual([0.5, name('Cut')]);
    // What would undo over their change is no longer offered.
    expect(state.undo).toHaveLength(1);
  });
});

describe('the picture', () => {
  it('shows a tree with its checks and fixes', () => {
    expect([...scope(small().nodes, 'down')].sort()).toEqual(['cut', 'down', 'hung', 'lights', 'line', 'loose', 'plug', 'restart']);
    expect(scope(small().nodes, '').has('box')).toBe(false);
  });

  it('goes from left to right without overlaps, and leaves what was moved by hand', () => {
    const { nodes } = small();
    const ids = scope(nodes, '');
    const places = layOut(nodes, ids, { cut: [7, 8] });
    expect(places['cut']).toEqual([7, 8]);
    const x = (id: string) => places[id]![0];
    expect(x('down')).toBeLessThan(x('line'));
    expect(x('line')).toBeLessThan(x('loose'));
    expect(x('loose')).toBeLessThan(x('lights'));
    expect(x('loose')).toBeLessThan(x('plug'));
    const all = Object.entries(layOut(nodes, ids, {}));
    for (const [a, [ax, ay]] of all)
      for (const [b, [bx, by]] of all) if (a < b) expect(Math.abs(ax - bx) >= NODE_WIDTH || Math.abs(ay - by) >= NODE_HEIGHT).toBe(true);
  });

  it('ends where gates lead in a circle', () => {
    const round = graphOf(node('gate', 'a', { formula: 'b' }), node('gate', 'b', { formula: 'a' }));
    expect(Object.keys(layOut(round.nodes, new Set(['a', 'b']), {}))).toEqual(['a', 'b']);
  });

  it('is searched in both languages and by id', () => {
    const { nodes } = small();
    expect(search(nodes, 'hung中', 'zh').map((one) => one.id)).toEqual(['hung']);
    expect(search(nodes, 'RESTART en', 'en')[0]?.id).toBe('restart');
    expect(search(nodes, '  ', 'en')).toEqual([]);
  });

  it('gives free and usable names', () => {
    const { nodes } = small();
    expect(freeId(nodes, 'Power supply is off!', 'fault')).toBe('power_supply_is_off');
    expect(freeId(nodes, 'Cut', 'fault')).toBe('cut_2');
    expect(freeId(nodes, '断了', 'fault')).toBe('fault');
    expect(['a', 'or', '12', 'a b', ''].map(isId)).toEqual([true, false, false, false, false]);
  });
});
