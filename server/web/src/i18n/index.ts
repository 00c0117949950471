/** Looking up interface texts. A page imports only the catalogue it shows. */
import type { Lang } from '../shared/frames';

/** A catalogue in another language: the same keys. */
export type Texts<T> = { readonly [K in keyof T]: string };

type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;

/** The parameters that a text needs, read off its Chinese wording; `n` also chooses between one and many. */
type Params<S> = [Names<S>] extends [never] ? [] : [params: { [K in Names<S>]: string | number }];

export type Translate<C> = <K extends keyof C>(key: K, ...params: Params<C[K]>) => string;

export function fill(template: string, params: Readonly<Record<string, string | number>> = {}): string {
  const [one = '', many = one] = template.split('||');
  const chosen = params['n'] === 1 ? one : many;
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

/** A function that gives the texts of one catalogue in one language. */
export function translator<C extends object>(
  catalogues: { zh: C; en: { readonly [K in keyof C]: string } },
  lang: Lang,
): Translate<C> {
  const catalogue = catalogues[lang] as Readonly<Record<keyof C, string>>;
  return ((key: keyof C, params?: Record<string, string | number>) => fill(catalogue[key], params)) as Translate<C>;
}

/** The catalogue's text for a key that is only known while running (an error code, a reason); undefined if there is none. */
export function lookUp(catalogue: object, key: string): string | undefined {
  return Object.hasOwn(catalogue, key) ? (catalogue as Record<string, string>)[key] : undefined;
}
