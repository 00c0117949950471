/** Which rows of a long list are worth drawing; pure. All rows have one height. */

export interface Visible {
  /** First row drawn and the one after the last. */
  from: number;
  to: number;
  /** Height of everything, in pixels: the scroll bar tells the truth about rows that are not drawn. */
  height: number;
}

/** Rows drawn above and below the view, so that a quick scroll meets no blank. */
const SPARE = 6;

export function visibleRows(count: number, rowHeight: number, scrollTop: number, viewHeight: number): Visible {
  const height = count * rowHeight;
  // Browsers bounce past both ends, and a list that has grown shorter leaves an old position behind.
  const top = Math.min(Math.max(0, scrollTop), Math.max(0, height - viewHeight));
  const from = Math.max(0, Math.floor(top / rowHeight) - SPARE);
  const to = Math.min(count, Math.ceil((top + viewHeight) / rowHeight) + SPARE);
  return { from, to, height };
}

/** Where to scroll so that a row is in sight; the present position where it is already. */
export function scrolledTo(index: number, rowHeight: number, scrollTop: number, viewHeight: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + viewHeight) return top + rowHeight - viewHeight;
  return scrollTop;
}

/** Whether the last rows known are about to come into sight: time to fetch the next ones. */
export const nearEnd = (visible: Visible, count: number, ahead: number): boolean => visible.to >= count - ahead;
