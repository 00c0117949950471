/** Where things lie in a plot: pure, so that it can be tested without a browser. */

export interface Scale {
  max: number;
  ticks: number[];
}

/** An axis from 0 to a round number that holds all `values`, with a few ticks. */
export function scaleFor(values: readonly number[], least = 0): Scale {
  const highest = Math.max(least, ...values, 0);
  if (highest <= 0) return { max: 1, ticks: [0, 1] };
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough * 0.999) ?? 10 * power;
  const max = Math.ceil(highest / step - 1e-9) * step;
  const ticks = Array.from({ length: Math.round(max / step) + 1 }, (_, n) => Number((n * step).toPrecision(12)));
  return { max, ticks };
}

/** Pieces of a line: what has no value is a gap, never a zero. */
export function pieces(values: readonly (number | null)[]): { at: number; value: number }[][] {
  const found: { at: number; value: number }[][] = [];
  let open: { at: number; value: number }[] = [];
  values.forEach((value, at) => {
    if (value !== null) open.push({ at, value });
    else if (open.length) {
      found.push(open);
      open = [];
    }
  });
  return open.length ? [...found, open] : found;
}

/** Which of `n` labels are written so that none stands on another: every k-th, counted from the last. */
export function labelled(n: number, room: number): number[] {
  const every = Math.max(1, Math.ceil(n / Math.max(1, room)));
  return Array.from({ length: n }, (_, at) => at).filter((at) => (n - 1 - at) % every === 0);
}
