/** A field's value, as people read it where two of them are compared. */
export const shownValue = (value: unknown): string =>
  value === null || value === undefined ? '–' : typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
