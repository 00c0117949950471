/**
 * Places for the nodes of the picture: layers from left to right, from what customers notice to what repairs it.
 *
 * After Sugiyama, Tagawa and Toda (1981): layers, then each layer sorted by the mean place of its neighbours, a few
 * times there and back. Separate trees are laid out each for itself and packed into columns. 2,000 nodes take some
 * tens of milliseconds, which no general layout of the libraries does.
 */
import { linksOf } from './model';
import type { Kind, Layout, Nodes } from './model';

export const NODE_WIDTH = 208;
export const NODE_HEIGHT = 60;
const LAYER_GAP = 84;
const ROW_GAP = 12;
const TREE_GAP = 90;
const SWEEPS = 6;
/** How much wider than high the picture should be, as screens are. */
const PROPORTION = 1.8;

export type Places = Record<string, readonly [number, number]>;

interface Tree {
  places: Map<string, readonly [number, number]>;
  width: number;
  height: number;
}

/** The centre of every node of `ids`; those that somebody moved by hand are where they were put. */
export function layOut(nodes: Nodes, ids: ReadonlySet<string>, byHand: Layout): Places {
  const neighbours = new Map<string, string[]>();
  for (const id of ids) neighbours.set(id, []);
  for (const id of ids) {
    const node = nodes.get(id);
    if (!node) continue;
    for (const { target } of linksOf(node)) {
      if (!ids.has(target) || target === id) continue;
      neighbours.get(id)?.push(target);
      neighbours.get(target)?.push(id);
    }
  }
  const depths = gateDepths(nodes, ids);
  const trees = separate(neighbours).map((part) => layTree(part, nodes, neighbours, depths));
  const places: Places = {};
  for (const [id, place] of pack(trees)) places[id] = byHand[id] ?? place;
  return places;
}

/** How many gates lead to a gate, at most; symptoms stand before all of them. */
function gateDepths(nodes: Nodes, ids: ReadonlySet<string>): Map<string, number> {
  const depths = new Map<string, number>();
  const gates = new Set([...ids].filter((id) => nodes.get(id)?.kind === 'gate'));
  const visit = (id: string, depth: number, path: Set<string>) => {
    if (path.has(id) || (depths.get(id) ?? 0) >= depth) return; // A cycle is shown as a problem; here it ends.
    depths.set(id, depth);
    path.add(id);
    const node = nodes.get(id);
    if (node) for (const { target } of linksOf(node)) if (gates.has(target)) visit(target, depth + 1, path);
    path.delete(id);
  };
  for (const gate of gates) visit(gate, 1, new Set());
  return depths;
}

/** Groups of nodes that hang together, the largest first. */
function separate(neighbours: ReadonlyMap<string, readonly string[]>): string[][] {
  const seen = new Set<string>();
  const parts: string[][] = [];
  for (const start of neighbours.keys()) {
    if (seen.has(start)) continue;
    seen.add(start);
    const part = [start];
    for (let at = 0; at < part.length; at += 1) {
      for (const next of neighbours.get(part[at] ?? '') ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        part.push(next);
      }
    }
    parts.push(part);
  }
  return parts.sort((a, b) => b.length - a.length);
}

/** Where a kind stands after the last gate; kinds that belong to something stand at the right. */
const AFTER: Readonly<Record<Kind, number>> = { symptom: 0, gate: 0, fault: 1, check: 2, fix: 2, component: 3, skill: 3, document: 3, product: 4 };

function layTree(part: readonly string[], nodes: Nodes, neighbours: ReadonlyMap<string, readonly string[]>, depths: ReadonlyMap<string, number>): Tree {
  const deepest = Math.max(0, ...part.map((id) => depths.get(id) ?? 0));
  const layers: string[][] = [];
  const layerOf = new Map<string, number>();
  for (const id of part) {
    const kind = nodes.get(id)?.kind ?? 'fault';
    const layer = kind === 'symptom' ? 0 : kind === 'gate' ? (depths.get(id) ?? 1) : deepest + AFTER[kind];
    layerOf.set(id, layer);
    (layers[layer] ??= []).push(id);
  }
  const used = layers.filter((layer) => layer !== undefined && layer.length > 0);
  const order = new Map<string, number>();
  const number = (layer: readonly string[]) => layer.forEach((id, at) => order.set(id, at / layer.length));
  used.forEach(number);
  const mean = (id: string) => {
    const near = neighbours.get(id) ?? [];
    return near.length === 0 ? (order.get(id) ?? 0) : near.reduce((sum, other) => sum + (order.get(other) ?? 0), 0) / near.length;
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const layer of sweep % 2 === 0 ? used : [...used].reverse()) {
      const means = new Map(layer.map((id) => [id, mean(id)]));
      layer.sort((a, b) => (means.get(a) ?? 0) - (means.get(b) ?? 0));
      number(layer);
    }
  }
  const rows = Math.max(...used.map((layer) => layer.length));
  const height = rows * (NODE_HEIGHT + ROW_GAP);
  const places = new Map<string, readonly [number, number]>();
  used.forEach((layer, column) => {
    const step = Math.max(NODE_HEIGHT + ROW_GAP, Math.min(height / layer.length, 3 * NODE_HEIGHT));
    const top = (height - step * layer.length) / 2;
    layer.forEach((id, at) => places.set(id, [column * (NODE_WIDTH + LAYER_GAP) + NODE_WIDTH / 2, top + step * (at + 0.5)]));
  });
  return { places, width: used.length * (NODE_WIDTH + LAYER_GAP) - LAYER_GAP, height };
}

/** Trees one below the other in columns, so that the whole is about as wide as a screen. */
function pack(trees: readonly Tree[]): Map<string, readonly [number, number]> {
  const area = trees.reduce((sum, tree) => sum + (tree.width + TREE_GAP) * (tree.height + TREE_GAP), 0);
  const limit = Math.max(...trees.map((tree) => tree.height), Math.sqrt(area / PROPORTION), 0);
  const places = new Map<string, readonly [number, number]>();
  let [left, top, widest] = [0, 0, 0];
  for (const tree of trees) {
    if (top > 0 && top + tree.height > limit) {
      left += widest + TREE_GAP;
      [top, widest] = [0, 0];
    }
    for (const [id, [x, y]] of tree.places) places.set(id, [Math.round(left + x), Math.round(top + y)]);
    top += tree.height + TREE_GAP;
    widest = Math.max(widest, tree.width);
  }
  return places;
}
