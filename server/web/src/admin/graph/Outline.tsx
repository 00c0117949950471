/** The graph as a list: what the picture shows, for keyboards, screen readers and small screens. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useShell } from '../shell';
import { PLACE_KINDS, TREE_KINDS, formulasOf, linksOf, titleOf } from './model';
import type { Link, Nodes } from './model';
import { KindSign } from './KindSign';
import { events } from './formula';

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

const SEPARATOR = ' ▸ ';

/** Checks and fixes by the fault they are about. */
export function about(nodes: Nodes): Map<string, Link[]> {
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

interface OutlineProps {
  nodes: Nodes;
  selected: string;
  wrong: ReadonlySet<string>;
  onSelect(id: string): void;
  onEdit(): void;
  onKey(event: KeyboardEvent): void;
}

export function Outline({ nodes, selected, wrong, onSelect, onEdit, onKey }: OutlineProps) {
  const { t, lang } = useShell();
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const [cursor, setCursor] = useState('');
  const list = useRef<HTMLUListElement>(null);
  const rows = useMemo(() => rowsOf(nodes, opened), [nodes, opened]);
  const at = Math.max(0, rows.findIndex((row) => row.key === cursor));

  useEffect(() => {
    if (!selected || rows[at]?.id === selected) return;
    const path = pathTo(nodes, selected);
    setOpened((now) => new Set([...now, ...path]));
    setCursor(path.length > 0 ? path.at(-1) + SEPARATOR + selected : selected);
  }, [selected]);

  useEffect(() => {
    list.current?.querySelector('[tabindex="0"]')?.scrollIntoView({ block: 'nearest' });
  }, [cursor]);

  const toggle = (row: Row, open: boolean) =>
    setOpened((now) => {
      const next = new Set(now);
      if (open) next.add(row.key);
      else next.delete(row.key);
      return next;
    });
  const choose = (row: Row | undefined) => {
    if (!row) return;
    setCursor(row.key);
    if (row.id) onSelect(row.id);
    requestAnimationFrame(() => list.current?.querySelector<HTMLElement>('[tabindex="0"]')?.focus());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[at];
    if (!row || event.ctrlKey || event.altKey || event.metaKey) return onKey(event);
    const done = () => event.preventDefault();
    if (event.key === 'ArrowDown') done(), choose(rows[at + 1]);
    else if (event.key === 'ArrowUp') done(), choose(rows[at - 1]);
    else if (event.key === 'Home') done(), choose(rows[0]);
    else if (event.key === 'End') done(), choose(rows.at(-1));
    else if (event.key === 'ArrowRight' && row.below > 0) done(), row.open ? choose(rows[at + 1]) : toggle(row, true);
    else if (event.key === 'ArrowLeft') done(), row.open ? toggle(row, false) : choose(rows.slice(0, at).findLast((one) => one.level < row.level));
    else if (event.key === 'Enter' || event.key === ' ') done(), row.id ? (onSelect(row.id), onEdit()) : toggle(row, !row.open);
    else onKey(event);
  };

  return (
    <ul class="node-list" role="tree" aria-label={t('outline')} ref={list} onKeyDown={onKeyDown}>
      {rows.map((row, index) => {
        const node = nodes.get(row.id);
        return (
          <li
            key={row.key}
            role="treeitem"
            aria-level={row.level}
            aria-selected={row.id !== '' && row.id === selected}
            aria-expanded={row.below > 0 ? row.open : undefined}
            tabIndex={index === at ? 0 : -1}
            style={{ paddingInlineStart: `${(row.level - 1) * 16 + 4}px` }}
            onClick={() => {
              if (row.kind !== null) toggle(row, !row.open);
              choose(row);
            }}
          >
            <span class="twisty" aria-hidden="true" onClick={(event) => (event.stopPropagation(), toggle(row, !row.open))}>
              {row.below > 0 ? (row.open ? '▾' : '▸') : ''}
            </span>
            {node ? (
              <>
                <KindSign kind={node.kind} />
                <span class="outline-name">{titleOf(node)[lang]}</span>
                <span class="hidden">{t(`kind_${node.kind}`)}</span>
                {wrong.has(row.id) && <span class="wrong-mark" title={t('hasProblems')} aria-label={t('hasProblems')} role="img">!</span>}
              </>
            ) : (
              row.kind && (
                <>
                  <span class="outline-name faint">{t(row.kind === 'loose' ? 'looseNodes' : `kinds_${row.kind}`)}</span>
                  <span class="count">{row.below}</span>
                </>
              )
            )}
          </li>
        );
      })}
    </ul>
  );
}
