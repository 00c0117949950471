/** Plots over days, drawn as SVG: lines with their intervals and a target, and stacked columns. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { shortDay } from '../../shared/time';
import { useShell } from '../shell';
import { labelled, pieces, scaleFor } from './plot';

const HEIGHT = 210;
const LEFT = 58;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 26;
const LABEL_PX = 64;
/** A day is noon somewhere in it, whatever the browser's zone. */
const noon = (day: string) => `${day}T12:00:00`;

export interface Series {
  name: string;
  /** One of the colours of `figures.css`. */
  colour: 'first' | 'second' | 'third' | 'fourth';
  values: readonly (number | null)[];
  low?: readonly (number | null)[];
  high?: readonly (number | null)[];
  dashed?: boolean;
}

interface PlotProps {
  title: string;
  days: readonly string[];
  series: readonly Series[];
  stacked?: boolean;
  target?: { value: number; name: string } | undefined;
  /** The highest value that the axis shows at least. */
  least?: number;
  most?: number;
  format(value: number): string;
  /** How a point of the axis is called; without it, it is a day. */
  label?(point: string): string;
  /** What is said of a day without traffic. */
  nothing: string;
  children?: ComponentChildren;
}

export function Plot({ title, days, series, stacked = false, target, least = 0, most, format, label, nothing, children }: PlotProps) {
  const { t, lang } = useShell();
  const named = label ?? ((day: string) => shortDay(noon(day), lang));
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(640);
  const [at, setAt] = useState<number | null>(null);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setWidth(Math.max(260, element.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const sums = days.map((_, day) => series.reduce((sum, one) => sum + (one.values[day] ?? 0), 0));
  const highest = stacked ? sums : series.flatMap((one) => [...one.values, ...(one.high ?? [])].filter((value) => value !== null));
  const found = scaleFor(highest, Math.max(least, target?.value ?? 0));
  const scale = most === undefined ? found : { max: Math.min(found.max, most), ticks: found.ticks.filter((tick) => tick <= most) };
  const wide = width - LEFT - RIGHT;
  const high = HEIGHT - TOP - BOTTOM;
  const step = wide / Math.max(1, days.length);
  const x = (day: number) => LEFT + step * (day + 0.5);
  const y = (value: number) => TOP + high * (1 - Math.min(value, scale.max) / scale.max);

  const move = (day: number | null) => setAt(day === null ? null : Math.min(days.length - 1, Math.max(0, day)));
  const keys = (event: KeyboardEvent) => {
    const from = at ?? days.length - 1;
    const to = { ArrowLeft: from - 1, ArrowRight: at === null ? from : from + 1, Home: 0, End: days.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  };
  const pointed = (event: PointerEvent) => {
    const left = box.current?.getBoundingClientRect().left ?? 0;
    move(Math.floor((event.clientX - left - LEFT) / step));
  };

  const shown = at === null ? null : days[at];
  const empty = at !== null && series.every((one) => (one.values[at] ?? null) === null || (stacked && one.values[at] === 0));
  return (
    <figure class="days-plot">
      <figcaption>
        <h3>{title}</h3>
        <ul class="plot-legend">
          {series.map((one) => (
            <li key={one.name}>
              <i class={`${one.colour}${one.dashed ? ' dashed' : ''}`} aria-hidden="true" />
              {one.name}
            </li>
          ))}
          {target && (
            <li>
              <i class="target" aria-hidden="true" />
              {target.name} {format(target.value)}
            </li>
          )}
        </ul>
      </figcaption>
      <div
        class="plot-box"
        ref={box}
        role="group"
        aria-roledescription={t('figuresPlot')}
        aria-label={`${title}. ${t('figuresPlotKeys')}`}
        tabIndex={0}
        onKeyDown={keys}
        onPointerMove={pointed}
        onPointerLeave={() => move(null)}
        onBlur={() => move(null)}
      >
        <svg viewBox={`0 0 ${width} ${HEIGHT}`} width={width} height={HEIGHT} aria-hidden="true">
          {scale.ticks.map((tick) => (
            <g key={tick} class="tick">
              <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} />
              <text x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
                {format(tick)}
              </text>
            </g>
          ))}
          {labelled(days.length, Math.floor(wide / LABEL_PX)).map((day) => (
            <text key={day} class="day" x={Math.min(x(day), width - 22)} y={HEIGHT - 7} text-anchor="middle">
              {named(days[day] ?? '')}
            </text>
          ))}
          {at !== null && <rect class="here" x={x(at) - step / 2} y={TOP} width={step} height={high} />}
          {stacked ? <Columns {...{ days, series, x, y, step }} /> : series.map((one) => <Curve key={one.name} {...{ one, x, y }} />)}
          {target && <line class="target" x1={LEFT} x2={width - RIGHT} y1={y(target.value)} y2={y(target.value)} />}
        </svg>
        <output class="plot-note" aria-live="polite">
          {shown && at !== null && (
            <>
              <b>{named(shown)}</b>{' '}
              {empty ? nothing : series.map((one) => `${one.name} ${(one.values[at] ?? null) === null ? '–' : format(one.values[at] as number)}`).join(' · ')}
            </>
          )}
        </output>
      </div>
      {children}
    </figure>
  );
}

interface CurveProps {
  one: Series;
  x(day: number): number;
  y(value: number): number;
}

function Curve({ one, x, y }: CurveProps) {
  return (
    <g class={one.colour}>
      {pieces(one.values).map((piece) => {
        const [first] = piece;
        const path = piece.map(({ at, value }, n) => `${n ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('');
        const bound = (values: readonly (number | null)[] | undefined, back: boolean) =>
          (back ? [...piece].reverse() : piece).map(({ at, value }) => `${x(at).toFixed(1)} ${y(values?.[at] ?? value).toFixed(1)}`).join('L');
        return (
          <g key={first?.at}>
            {one.low && one.high && piece.length > 1 && <path class="band" d={`M${bound(one.high, false)}L${bound(one.low, true)}Z`} />}
            {piece.length > 1 ? (
              <path class={`curve${one.dashed ? ' dashed' : ''}`} d={path} />
            ) : (
              first && <circle class="dot" cx={x(first.at)} cy={y(first.value)} r="3" />
            )}
          </g>
        );
      })}
    </g>
  );
}

interface ColumnsProps {
  days: readonly string[];
  series: readonly Series[];
  step: number;
  x(day: number): number;
  y(value: number): number;
}

function Columns({ days, series, step, x, y }: ColumnsProps) {
  const width = Math.max(1, Math.min(26, step * 0.72));
  return (
    <>
      {days.map((day, at) => {
        let base = 0;
        return (
          <g key={day}>
            {series.map((one) => {
              const from = base;
              base += one.values[at] ?? 0;
              const height = y(from) - y(base);
              return height > 0 ? <rect key={one.name} class={`column ${one.colour}`} x={x(at) - width / 2} y={y(base)} width={width} height={height} /> : null;
            })}
          </g>
        );
      })}
    </>
  );
}
