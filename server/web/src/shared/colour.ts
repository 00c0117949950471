/** A company's colours made safe to read: contrast after WCAG 2.2, section 1.4.3. */

export type Rgb = readonly [number, number, number];

/** AA for text of ordinary size. */
export const AA = 4.5;

export function parseHex(value: string | undefined): Rgb | null {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(value ?? '');
  const full = short
    ? `${short[1]}${short[1]}${short[2]}${short[2]}${short[3]}${short[3]}`
    : /^#([0-9a-f]{6})$/i.exec(value ?? '')?.[1];
  if (!full) return null;
  return [0, 2, 4].map((at) => parseInt(full.slice(at, at + 2), 16)) as unknown as Rgb;
}

export const toHex = (rgb: Rgb): string =>
  '#' + rgb.map((part) => Math.round(Math.min(255, Math.max(0, part))).toString(16).padStart(2, '0')).join('');

/** Relative luminance, 0 (black) to 1 (white). */
export function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((part) => {
    const level = part / 255;
    return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast ratio, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

export const mix = (a: Rgb, b: Rgb, share: number): Rgb =>
  [0, 1, 2].map((i) => (a[i] ?? 0) * (1 - share) + (b[i] ?? 0) * share) as unknown as Rgb;

const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];

/** The colour, moved towards black or white only as far as it must to be readable on `background`. */
export function readableOn(colour: Rgb, background: Rgb, ratio = AA): Rgb {
  const target = luminance(background) > 0.18 ? BLACK : WHITE;
  for (let share = 0; share < 1; share += 0.04) {
    const candidate = mix(colour, target, share);
    if (contrast(candidate, background) >= ratio) return candidate;
  }
  return target;
}

export const textOn = (background: Rgb): Rgb => (contrast(WHITE, background) >= AA ? WHITE : readableOn([20, 24, 22], background));

export interface Palette {
  /** Filled buttons and the customer's own bubbles. */
  brand: string;
  /** Text on `brand`. */
  onBrand: string;
  /** Links and marks on the page's ground. */
  ink: string;
  accent: string;
}

const LIGHT_GROUND: Rgb = WHITE;
const DARK_GROUND: Rgb = [28, 32, 31];
const FALLBACK: Rgb = [15, 110, 86];

/** The palette for one colour scheme, from whatever colours the company chose. */
export function palette(colours: { primary?: string; accent?: string } | undefined, dark: boolean): Palette {
  const ground = dark ? DARK_GROUND : LIGHT_GROUND;
  const primary = parseHex(colours?.primary) ?? FALLBACK;
  // Fills need 3:1 against the ground to be seen as controls; their text is chosen to be readable on them.
  const brand = readableOn(primary, ground, 3);
  return {
    brand: toHex(brand),
    onBrand: toHex(textOn(brand)),
    ink: toHex(readableOn(primary, ground, dark ? 6 : 5)),
    accent: toHex(parseHex(colours?.accent) ?? primary),
  };
}

/** A rule that sets the palette as custom properties on `selector`, in both colour schemes. */
export function paletteCss(selector: string, colours: { primary?: string; accent?: string } | undefined): string {
  const block = (dark: boolean) => {
    const p = palette(colours, dark);
    return `${selector}{--kf-brand:${p.brand};--kf-on-brand:${p.onBrand};--kf-ink:${p.ink};--kf-accent:${p.accent}}`;
  };
  return `${block(false)}@media (prefers-color-scheme: dark){${block(true)}}`;
}
