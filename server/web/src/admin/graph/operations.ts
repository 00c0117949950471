/** Changes of a draft as operations: applying them, taking them back, and laying them on top of other people's. */
import type { Json } from '../../shared/frames';
import { isRecord, list, text } from '../../shared/frames';
import { renamed, withEvent, withoutEvent } from './formula';
import { FORMULA_FIELD, formulasOf, linksOf, readNode, referenceFields, referrers } from './model';
import type { Graph, GraphNode, Layout, Link, Nodes } from './model';

export type Path = readonly (string | number)[];

export type Operation =
  | { op: 'put'; node: GraphNode }
  | { op: 'set'; node: string; path: Path; value: unknown }
  | { op: 'remove'; node: string }
  | { op: 'rename'; node: string; to: string }
  | { op: 'place'; node: string; x: number; y: number };

export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const part of path) {
    if (Array.isArray(value) && typeof part === 'number') value = value[part];
    else if (isRecord(value) && Object.hasOwn(value, String(part))) value = value[String(part)];
    else return undefined;
  }
  return value;
}

/** A copy with one field changed; null and undefined take the field away. What is missing on the way is made. */
export function withValue(data: unknown, path: Path, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  const inner = rest.length > 0 || (value !== null && value !== undefined) ? withValue(valueAt(data, [part]), rest, value) : undefined;
  if (typeof part === 'number') {
    const copy = Array.isArray(data) ? [...(data as unknown[])] : [];
    if (inner === undefined) copy.splice(part, 1);
    else copy[part] = inner;
    return copy;
  }
  const copy: Json = isRecord(data) ? { ...data } : {};
  if (inner === undefined) delete copy[part];
  else copy[part] = inner;
  return copy;
}

function renamedIn(node: GraphNode, from: string, to: string): GraphNode {
  if (!linksOf(node).some((link) => link.target === from)) return node;
  let data: unknown = node.data;
  for (const { path, formula } of formulasOf(node)) data = withValue(data, path, renamed(formula, from, to));
  for (const [field] of referenceFields(node.kind)) if (node.data[field] === from) data = withValue(data, [field], to);
  if (isRecord(node.data['repairs'])) {
    const repairs = Object.fromEntries(Object.entries(node.data['repairs']).map(([id, share]) => [id === from ? to : id, share]));
    data = withValue(data, ['repairs'], repairs);
  }
  const then = list(node.data['then']);
  if (then.includes(from)) data = withValue(data, ['then'], then.map((id) => (id === from ? to : id)));
  return { ...node, data: isRecord(data) ? data : {} };
}

const withoutPlace = (layout: Layout, id: string): Layout => Object.fromEntries(Object.entries(layout).filter(([other]) => other !== id));

/** The graph after the operations. What cannot be applied (its node is gone) changes nothing. */
export function apply(graph: Graph, operations: readonly Operation[]): Graph {
  if (operations.length === 0) return graph;
  const nodes = new Map(graph.nodes);
  let { layout } = graph;
  for (const operation of operations) {
    switch (operation.op) {
      case 'put':
        nodes.set(operation.node.id, operation.node);
        break;
      case 'set': {
        const node = nodes.get(operation.node);
        if (!node) break;
        const data = withValue(node.data, operation.path, operation.value);
        nodes.set(node.id, { ...node, data: isRecord(data) ? data : {} });
        break;
      }
      case 'remove':
        nodes.delete(operation.node);
        if (layout[operation.node]) layout = withoutPlace(layout, operation.node);
        break;
      case 'rename': {
        const node = nodes.get(operation.node);
        if (!node || nodes.has(operation.to)) break;
        // Renamed where it stands, so that lists keep their order.
        const all = [...nodes.values()].map((one) => (one.id === node.id ? { ...one, id: operation.to } : one));
        nodes.clear();
        for (const one of all) nodes.set(one.id, renamedIn(one, node.id, operation.to));
        const place = layout[node.id];
        if (place) layout = { ...withoutPlace(layout, node.id), [operation.to]: place };
        break;
      }
      case 'place':
        if (nodes.has(operation.node)) layout = { ...layout, [operation.node]: [operation.x, operation.y] };
        break;
    }
  }
  return { nodes, layout };
}

/** Operations that take others back, to be applied after them. */
export function inverse(graph: Graph, operations: readonly Operation[]): Operation[] {
  const back: Operation[] = [];
  let now = graph;
  for (const operation of operations) {
    const id = operation.op === 'put' ? operation.node.id : operation.node;
    const node = now.nodes.get(id);
    const place = now.layout[id];
    const undo: Operation[] = [];
    if (operation.op === 'put') undo.push(node ? { op: 'put', node } : { op: 'remove', node: id });
    else if (operation.op === 'set' && node) undo.push(taking(node, operation.path));
    else if (operation.op === 'remove' && node) {
      undo.push({ op: 'put', node });
      if (place) undo.push({ op: 'place', node: id, x: place[0], y: place[1] });
    } else if (operation.op === 'rename' && node && !now.nodes.has(operation.to)) undo.push({ op: 'rename', node: operation.to, to: id });
    else if (operation.op === 'place' && place) undo.push({ op: 'place', node: id, x: place[0], y: place[1] });
    back.unshift(...undo);
    now = apply(now, [operation]);
  }
  return back;
}

/** The change that gives a field its present value back. */
function taking(node: GraphNode, path: Path): Operation {
  // Lists are put back whole: setting one element back cannot undo that it was added or taken away.
  const listed = path.findIndex((part) => typeof part === 'number');
  const at = listed > 0 ? path.slice(0, listed) : path;
  // What is missing on the way was made by the change; it goes again.
  let known = 1;
  while (known < at.length && valueAt(node.data, at.slice(0, known)) !== undefined) known += 1;
  const whole = at.slice(0, valueAt(node.data, at) === undefined ? known : at.length);
  return { op: 'set', node: node.id, path: whole, value: valueAt(node.data, whole) ?? null };
}

/** One field changed, so that the server finds every part on the way: what is missing is set with it. */
export function setting(node: GraphNode, path: Path, value: unknown): Operation {
  let known = path.length;
  while (known > 1 && valueAt(node.data, path.slice(0, known - 1)) === undefined) known -= 1;
  const whole = path.slice(0, known);
  return { op: 'set', node: node.id, path: whole, value: known === path.length ? value : withValue(valueAt(node.data, whole), path.slice(known), value) };
}

/** Removes a node, and what names it elsewhere, so that nothing is left that points nowhere. */
export function removal(graph: Graph, id: string): Operation[] {
  const sources = new Set(referrers(graph.nodes, id).map((link) => link.source));
  sources.delete(id);
  const found: Operation[] = [];
  for (const source of sources) {
    const node = graph.nodes.get(source);
    if (node) for (const link of linksOf(node)) if (link.target === id) found.push(...unlinking(node, link));
  }
  return [...found, { op: 'remove', node: id }];
}

/** Takes one link away. */
export function unlinking(node: GraphNode, { target, role }: Link): Operation[] {
  if (role === 'caused by' || role === 'input' || role === 'shows') {
    return formulasOf(node).flatMap(({ path, formula }) => {
      const left = withoutEvent(formula, target);
      return left === formula ? [] : [setting(node, path, left)];
    });
  }
  if (role === 'repairs') return [setting(node, ['repairs', target], null)];
  if (role === 'then') return [setting(node, ['then'], list(node.data['then']).filter((id) => id !== target))];
  return referenceFields(node.kind).flatMap(([field, own]) => (own === role && node.data[field] === target ? [setting(node, [field], null)] : []));
}

const USUAL_SUCCESS = 0.9;

/** Links two nodes in whichever direction makes sense; null where nothing of the kind exists. */
export function linking(nodes: Nodes, from: string, to: string): Operation[] | null {
  const [a, b] = [nodes.get(from), nodes.get(to)];
  if (!a || !b || from === to) return null;
  return oneWay(a, b) ?? oneWay(b, a);
}

function oneWay(a: GraphNode, b: GraphNode): Operation[] | null {
  const causes = b.kind === 'fault' || b.kind === 'gate';
  const formula = FORMULA_FIELD[a.kind];
  if (formula !== undefined && causes) return [setting(a, [formula], withEvent(text(a.data[formula]) ?? '', b.id))];
  if (a.kind === 'fix' && b.kind === 'fault') return [setting(a, ['repairs', b.id], USUAL_SUCCESS)];
  if (a.kind === 'fix' && b.kind === 'fix') return [setting(a, ['then'], [...new Set([...list(a.data['then']), b.id])])];
  if (a.kind === 'check' && causes) {
    const [first] = formulasOf(a);
    return first ? [setting(a, first.path, withEvent(first.formula, b.id))] : null;
  }
  const field = { product: 'product', component: 'component', skill: 'skill', document: 'document', check: 'retest' }[b.kind as string];
  if (field === undefined || !referenceFields(a.kind).some(([name]) => name === field)) return null;
  return [setting(a, [field], b.id)];
}

// ---------------------------------------------------------------------- other people's changes

const nodeOf = (operation: Operation): string => (operation.op === 'put' ? operation.node.id : operation.node);

/** Whether two changes touch the same thing: one of them would get lost if both were applied. */
export function touches(a: Operation, b: Operation): boolean {
  if (a.op === 'rename' || b.op === 'rename') {
    const names = (one: Operation) => (one.op === 'rename' ? [one.node, one.to] : [nodeOf(one)]);
    return names(a).some((name) => names(b).includes(name));
  }
  if (nodeOf(a) !== nodeOf(b)) return false;
  if (a.op === 'place' || b.op === 'place') return a.op === 'remove' || b.op === 'remove';
  if (a.op !== 'set' || b.op !== 'set') return !(a.op === 'remove' && b.op === 'remove');
  const shared = Math.min(a.path.length, b.path.length);
  return a.path.slice(0, shared).every((part, at) => part === b.path[at]);
}

/** Two changes to the same place that mean the same. */
const agree = (a: Operation, b: Operation): boolean => JSON.stringify(a) === JSON.stringify(b);

export interface Clash {
  mine: Operation;
  theirs: Operation;
}

/** Where my changes and those of others meet; those that say the same do not count. */
export function clashes(mine: readonly Operation[], theirs: readonly Operation[]): Clash[] {
  return mine.flatMap((one) => {
    // The last of theirs is what stands there now.
    const other = theirs.findLast((candidate) => touches(one, candidate) && !agree(one, candidate));
    return other ? [{ mine: one, theirs: other }] : [];
  });
}

/** Adds operations to those that wait: a further change of the same field replaces the one before it. */
export function joined(waiting: readonly Operation[], more: readonly Operation[]): Operation[] {
  const all = [...waiting];
  for (const operation of more) {
    const last = all.at(-1);
    if (last && sameField(last, operation)) all[all.length - 1] = operation;
    else all.push(operation);
  }
  return all;
}

export function sameField(a: Operation, b: Operation): boolean {
  if (a.op === 'place' && b.op === 'place') return a.node === b.node;
  if (a.op !== 'set' || b.op !== 'set' || a.node !== b.node || a.path.length !== b.path.length) return false;
  return a.path.every((part, at) => part === b.path[at]);
}

export function readOperations(raw: unknown): Operation[] {
  return list(raw).flatMap((one): Operation[] => {
    if (!isRecord(one)) return [];
    const node = text(one['node']);
    const to = text(one['to']);
    const [x, y] = [one['x'], one['y']];
    if (one['op'] === 'put') return readNode(one['node']).map((found) => ({ op: 'put', node: found }));
    if (node === undefined) return [];
    if (one['op'] === 'set') return [{ op: 'set', node, path: list(one['path']) as Path, value: one['value'] ?? null }];
    if (one['op'] === 'remove') return [{ op: 'remove', node }];
    if (one['op'] === 'rename' && to !== undefined) return [{ op: 'rename', node, to }];
    if (one['op'] === 'place' && typeof x === 'number' && typeof y === 'number') return [{ op: 'place', node, x, y }];
    return [];
  });
}

