/** The graph as a list: what the picture shows, for keyboards, screen readers and small screens. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useShell } from '../shell';
import { titleOf } from './model';
import type { Nodes } from './model';
import { KindSign } from './KindSign';
import { SEPARATOR, pathTo, rowsOf } from './rows';
import type { Row } from './rows';

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
