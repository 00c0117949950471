/** A list of rows of one height that draws only what is in sight: five thousand are as quick as fifty. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { nearEnd, scrolledTo, visibleRows } from './virtual';

/** The next page is asked for this many rows before the end. */
const AHEAD = 40;

interface VirtualListProps<T> {
  id: string;
  label: string;
  rows: readonly T[];
  rowHeight: number;
  keyOf(row: T): string;
  /** The row of the keyboard's cursor, kept in sight. */
  cursor: number;
  /** Changes where another list takes this one's place: it begins at its top. */
  listKey: string;
  draw(row: T, index: number): ComponentChildren;
  /** The end is near. */
  onEnd?: (() => void) | undefined;
}

export function VirtualList<T>({ id, label, rows, rowHeight, keyOf, cursor, listKey, draw, onEnd }: VirtualListProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const visible = visibleRows(rows.length, rowHeight, view.top, view.height);

  const look = () => {
    const list = box.current;
    if (list) setView((before) => (before.top === list.scrollTop && before.height === list.clientHeight ? before : { top: list.scrollTop, height: list.clientHeight }));
  };

  useLayoutEffect(() => {
    const list = box.current;
    if (!list) return undefined;
    list.scrollTop = 0;
    look();
    const watch = new ResizeObserver(look);
    watch.observe(list);
    return () => watch.disconnect();
  }, [listKey]);

  useLayoutEffect(() => {
    const list = box.current;
    if (!list || cursor < 0) return;
    const wanted = scrolledTo(cursor, rowHeight, list.scrollTop, list.clientHeight);
    if (wanted !== list.scrollTop) list.scrollTop = wanted;
  }, [cursor, rowHeight, listKey]);

  const ends = onEnd !== undefined && nearEnd(visible, rows.length, AHEAD);
  useEffect(() => {
    if (ends) onEnd?.();
  }, [ends, rows.length]);

  return (
    <div ref={box} id={id} class="rows" role="tabpanel" aria-label={label} onScroll={look}>
      <div class="rows-all" role="list" style={{ height: `${visible.height}px` }}>
        {rows.slice(visible.from, visible.to).map((row, at) => (
          <div
            key={keyOf(row)}
            class="rows-one"
            role="listitem"
            aria-setsize={rows.length}
            aria-posinset={visible.from + at + 1}
            style={{ height: `${rowHeight}px`, transform: `translateY(${(visible.from + at) * rowHeight}px)` }}
          >
            {draw(row, visible.from + at)}
          </div>
        ))}
      </div>
    </div>
  );
}
