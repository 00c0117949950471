/** The rows of the list beside the picture: the graph as a tree that is opened step by step. */
import { events } from './formula';
import { PLACE_KINDS, TREE_KINDS, formulasOf, linksOf } from './model';
import type { Link, Nodes } from './model';

type Heading = (typeof PLACE_KINDS)[number] | 'loose';

export interface Row {
  /** The way to it from the top: a node may stand in several places. */
  key: string;
  id: string;
  level: number;
  /** How many stand below it. */
  below: number;
  open: boolean;
  /** A heading that is no node. */
  kind: Heading | null;
}

export const SEPARATOR = ' ▸ ';

/** Checks and fixes by the fault they are about. */
function about(nodes: Nodes): Map<string, Link[]> {
  const found = new Map<string, Link[]>();
  for (const node of nodes.values()) {
    for (const link of linksOf(node)) {
      if (link.role !== 'shows' && link.role !== 'repairs') continue;
      const known = found.get(link.target);
      if (known) known.push(link);
      else found.set(link.target, [link]);
    }
  }
  return found;
}

const below = (nodes: Nodes, index: ReadonlyMap<string, readonly Link[]>, id: string): string[] => {
  const node = nodes.get(id);
  if (!node) return [];
  if (node.kind === 'symptom' || node.kind === 'gate') return formulasOf(node).flatMap(({ formula }) => events(formula)).filter((name) => nodes.has(name));
  if (node.kind === 'fault') return [...new Set((index.get(id) ?? []).map((link) => link.source))];
  return [];
};

/** The rows that are in sight: symptoms with what is opened below them, then the other kinds under headings. */
export function rowsOf(nodes: Nodes, opened: ReadonlySet<string>): Row[] {
  const index = about(nodes);
  const rows: Row[] = [];
  const reached = new Set<string>();
  const reach = (id: string) => {
    if (reached.has(id)) return;
    reached.add(id);
    below(nodes, index, id).forEach(reach);
  };
  const add = (id: string, path: string, level: number, line: readonly string[]) => {
    const key = path ? path + SEPARATOR + id : id;
    // A gate inside itself is a mistake that stands among the problems; the list ends there.
    const inside = line.includes(id) ? [] : below(nodes, index, id);
    const open = inside.length > 0 && opened.has(key);
    rows.push({ key, id, level, below: inside.length, open, kind: null });
    if (open) for (const next of inside) add(next, key, level + 1, [...line, id]);
  };
  for (const node of nodes.values()) if (node.kind === 'symptom') reach(node.id);
  for (const node of nodes.values()) if (node.kind === 'symptom') add(node.id, '', 1, []);
  const heading = (kind: Heading, ids: readonly string[]) => {
    if (ids.length === 0) return;
    const key = `#${kind}`;
    rows.push({ key, id: '', level: 1, below: ids.length, open: opened.has(key), kind });
    if (opened.has(key)) for (const id of ids) rows.push({ key: key + SEPARATOR + id, id, level: 2, below: 0, open: false, kind: null });
  };
  const all = [...nodes.values()];
  heading('loose', all.filter((node) => TREE_KINDS.includes(node.kind) && !reached.has(node.id)).map((node) => node.id));
  for (const kind of PLACE_KINDS) heading(kind, all.filter((node) => node.kind === kind).map((node) => node.id));
  return rows;
}

/** The keys to open so that a node is in sight. */
export function pathTo(nodes: Nodes, id: string): string[] {
  const index = about(nodes);
  const node = nodes.get(id);
  if (!node) return [];
  if (!TREE_KINDS.includes(node.kind)) return [`#${node.kind}`];
  const seen = new Set<string>();
  const walk = (at: string, path: string[]): string[] | null => {
    if (at === id) return path.map((_, end) => path.slice(0, end + 1).join(SEPARATOR));
    if (seen.has(at)) return null;
    seen.add(at);
    for (const next of below(nodes, index, at)) {
      const found = walk(next, [...path, at]);
      if (found) return found;
    }
    return null;
  };
  for (const symptom of nodes.values()) {
    if (symptom.kind !== 'symptom') continue;
    const found = walk(symptom.id, []);
    if (found) return found;
  }
  return ['#loose'];
}
