/** A field's value, as people read it where two of them are compared. */
import { FIELDS } from './kinds';
import { isKind } from './model';
import type { Path } from './operations';

const DIGITS = 6;

export const shownValue = (value: unknown): string =>
  value === null || value === undefined ? '–' : typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);

/** The same where it is known which field it is: probabilities in percent, as in the forms. */
export function shownField(kind: string, path: Path, value: unknown): string {
  const field = isKind(kind) ? FIELDS[kind].find((one) => one.key === path[0]) : undefined;
  const share = field?.shape.type === 'probability' || (field?.shape.type === 'repairs' && path.length === 2);
  return share && typeof value === 'number' ? `${Number((100 * value).toPrecision(DIGITS))} %` : shownValue(value);
}
