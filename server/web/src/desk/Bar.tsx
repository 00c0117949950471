/** A share as a bar with its number beside it. */

export const percent = (value: number): string => `${Math.round(value * 100)}%`;

interface BarProps {
  name: string;
  title?: string;
  /** 0 to 1. */
  value: number;
  /** What stands beside the bar; the share where not given. */
  shown?: string;
  /** A limit drawn across the bar; a value below it is coloured. */
  mark?: number | undefined;
}

export function Bar({ name, title, value, shown, mark }: BarProps) {
  const width = (share: number) => `${Math.min(100, Math.max(0, share * 100))}%`;
  return (
    <div class="measure">
      <span class="measure-name" title={title}>
        {name}
      </span>
      <span class="measure-value">{shown ?? percent(value)}</span>
      <span class="track" aria-hidden="true">
        <i class={mark !== undefined && value < mark ? 'below' : ''} style={{ width: width(value) }} />
        {mark !== undefined && <u style={{ left: width(mark) }} />}
      </span>
    </div>
  );
}
