/** A graph as the console holds it: nodes by id, and what follows from them. */
import type { Json, Lang } from '../../shared/frames';
import { isRecord, list, text } from '../../shared/frames';
import type { Localised } from '../../shared/rest';
import { events, isReserved } from './formula';

export const KINDS = ['symptom', 'gate', 'fault', 'check', 'fix', 'product', 'component', 'skill', 'document'] as const;
export type Kind = (typeof KINDS)[number];
export const isKind = (value: unknown): value is Kind => (KINDS as readonly unknown[]).includes(value);

/** The kinds of the picture; the others say where a thing belongs. */
export const TREE_KINDS: readonly Kind[] = ['symptom', 'gate', 'fault', 'check', 'fix'];
export const PLACE_KINDS = ['product', 'component', 'skill', 'document'] as const satisfies readonly Kind[];

export interface GraphNode {
  readonly id: string;
  readonly kind: Kind;
  /** The fields, as in the company's YAML files. */
  readonly data: Json;
}

export type Nodes = ReadonlyMap<string, GraphNode>;
export type Layout = Readonly<Record<string, readonly [number, number]>>;

export interface Graph {
  nodes: Nodes;
  /** Where somebody has put a node by hand. */
  layout: Layout;
}

export type Role =
  | 'caused by' | 'input' | 'shows' | 'repairs' | 'then' | 'instead of' | 'of' | 'part of' | 'in' | 'handled by' | 'described in' | 're-tested by';

export interface Link {
  source: string;
  target: string;
  role: Role;
}

/** Fields that name one node, by the role of their link. */
const REFERENCES: Readonly<Record<Kind, readonly (readonly [string, Role])[]>> = {
  product: [],
  component: [['product', 'part of']],
  symptom: [['product', 'of'], ['retest', 're-tested by'], ['skill', 'handled by'], ['document', 'described in']],
  gate: [],
  fault: [['component', 'in'], ['skill', 'handled by'], ['document', 'described in']],
  check: [['document', 'described in']],
  fix: [['instead_of', 'instead of'], ['document', 'described in']],
  document: [],
  skill: [],
};
export const referenceFields = (kind: Kind) => REFERENCES[kind];

export const FORMULA_FIELD: Readonly<Partial<Record<Kind, string>>> = { symptom: 'caused_by', gate: 'formula' };

/** Every facet of a check with the path to it: one under the check itself, or those under `facets`. */
export function facetsOf(node: GraphNode): { id: string; path: readonly string[]; facet: Json }[] {
  if (node.kind !== 'check') return [];
  const facets = node.data['facets'];
  if (!isRecord(facets)) return [{ id: node.id, path: [], facet: node.data }];
  return Object.entries(facets).flatMap(([name, facet]) => (isRecord(facet) ? [{ id: `${node.id}.${name}`, path: ['facets', name], facet }] : []));
}

/** Every formula in a node, with the path to it and the role of its links. */
export function formulasOf(node: GraphNode): { path: readonly string[]; formula: string; role: Role }[] {
  const field = FORMULA_FIELD[node.kind];
  if (field !== undefined) {
    return [{ path: [field], formula: text(node.data[field]) ?? '', role: node.kind === 'gate' ? 'input' : 'caused by' }];
  }
  return facetsOf(node).flatMap(({ path, facet }) => {
    const outcomes = isRecord(facet['outcomes']) ? facet['outcomes'] : {};
    return Object.entries(outcomes).flatMap(([name, outcome]) => {
      const when = isRecord(outcome) ? text(outcome['when']) : undefined;
      return when === undefined ? [] : [{ path: [...path, 'outcomes', name, 'when'], formula: when, role: 'shows' as const }];
    });
  });
}

const linksKept = new WeakMap<GraphNode, readonly Link[]>();

/** The links that a node's fields make, each once. */
export function linksOf(node: GraphNode): readonly Link[] {
  const kept = linksKept.get(node);
  if (kept) return kept;
  const found = new Map<string, Link>();
  const add = (target: unknown, role: Role) => {
    if (typeof target === 'string' && target) found.set(`${role} ${target}`, { source: node.id, target, role });
  };
  for (const { formula, role } of formulasOf(node)) for (const name of events(formula)) add(name, role);
  for (const [field, role] of REFERENCES[node.kind]) add(node.data[field], role);
  if (node.kind === 'fix') {
    if (isRecord(node.data['repairs'])) for (const name of Object.keys(node.data['repairs'])) add(name, 'repairs');
    for (const name of list(node.data['then'])) add(name, 'then');
  }
  const links = [...found.values()];
  linksKept.set(node, links);
  return links;
}

/** What nodes are called where they have a name; a document has a title. */
export function titleOf(node: GraphNode): Localised {
  const raw = node.data[node.kind === 'document' ? 'title' : 'name'];
  const zh = isRecord(raw) ? text(raw['zh'])?.trim() : undefined;
  const en = isRecord(raw) ? text(raw['en'])?.trim() : undefined;
  return { zh: zh || en || node.id, en: en || zh || node.id };
}

export const called = (nodes: Nodes, id: string, lang: Lang): string => {
  const node = nodes.get(id);
  return node ? titleOf(node)[lang] : id;
};

/** Who refers to a node. */
export const referrers = (nodes: Nodes, id: string): Link[] => [...nodes.values()].flatMap((node) => linksOf(node).filter((link) => link.target === id));

const byText = (lang: Lang) => (a: GraphNode, b: GraphNode) => titleOf(a)[lang].localeCompare(titleOf(b)[lang], lang);

/** Nodes that a search finds: every word in the id, the names or the wordings; those that begin with it first. */
export function search(nodes: Nodes, query: string, lang: Lang): GraphNode[] {
  const words = query.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const found: { node: GraphNode; rank: number }[] = [];
  for (const node of nodes.values()) {
    const { zh, en } = titleOf(node);
    const names = `${node.id} ${zh} ${en}`.toLowerCase();
    if (words.every((word) => names.includes(word))) {
      const first = words[0] ?? '';
      found.push({ node, rank: [node.id, zh, en].some((name) => name.toLowerCase().startsWith(first)) ? 0 : 1 });
    } else if (words.every((word) => searchable(node).includes(word))) found.push({ node, rank: 2 });
  }
  const alphabetical = byText(lang);
  return found.sort((a, b) => a.rank - b.rank || alphabetical(a.node, b.node)).map(({ node }) => node);
}

const texts = new WeakMap<GraphNode, string>();
function searchable(node: GraphNode): string {
  let found = texts.get(node);
  if (found === undefined) {
    found = `${node.id} ${JSON.stringify(node.data)}`.toLowerCase();
    texts.set(node, found);
  }
  return found;
}

/** The nodes of a symptom's tree with their checks and fixes; all nodes of the picture where `symptom` is empty. */
export function scope(nodes: Nodes, symptom: string): Set<string> {
  if (!nodes.has(symptom)) {
    return new Set([...nodes.values()].filter((node) => TREE_KINDS.includes(node.kind)).map((node) => node.id));
  }
  const seen = new Set<string>();
  const waiting = [symptom];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const node = nodes.get(id);
    if (!node || seen.has(id)) continue;
    seen.add(id);
    for (const { target, role } of linksOf(node)) if (role === 'caused by' || role === 'input' || role === 're-tested by') waiting.push(target);
  }
  const tree = new Set(seen);
  for (const node of nodes.values()) {
    if (node.kind !== 'check' && node.kind !== 'fix') continue;
    const about = linksOf(node).some(({ target, role }) => (role === 'shows' || role === 'repairs') && tree.has(target) && nodes.get(target)?.kind === 'fault');
    if (about) seen.add(node.id);
  }
  return seen;
}

/** A word that formulas can contain. */
export const isId = (value: string): boolean =>
  /^[\p{L}\p{N}_-]{1,100}$/u.test(value) && !/^\d+$/.test(value) && !isReserved(value.toLowerCase());

/** An id from an English name that is not taken. */
export function freeId(nodes: Nodes, name: string, kind: Kind): string {
  const slug = name.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 40) || kind;
  if (!nodes.has(slug)) return slug;
  for (let n = 2; ; n += 1) if (!nodes.has(`${slug}_${n}`)) return `${slug}_${n}`;
}

export function readNode(raw: unknown): GraphNode[] {
  if (!isRecord(raw)) return [];
  const id = text(raw['id']);
  return id !== undefined && isKind(raw['kind']) ? [{ id, kind: raw['kind'], data: isRecord(raw['data']) ? raw['data'] : {} }] : [];
}

export function readGraph(raw: unknown): Graph {
  const body: Json = isRecord(raw) ? raw : {};
  const layout: Record<string, readonly [number, number]> = {};
  if (isRecord(body['layout'])) {
    for (const [id, place] of Object.entries(body['layout'])) {
      const [x, y] = list(place);
      if (typeof x === 'number' && typeof y === 'number') layout[id] = [x, y];
    }
  }
  return { nodes: new Map(list(body['nodes']).flatMap(readNode).map((node) => [node.id, node])), layout };
}
