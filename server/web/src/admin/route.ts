/** Which page of the console is shown: the part of the address after `#/`, so that every page can be linked to. */
import { useEffect, useState } from 'preact/hooks';

export const SECTIONS = {
  knowledge: ['graph', 'history', 'cases', 'analysis', 'priors', 'articles', 'outages', 'proposals'],
  learning: ['review', 'training'],
  company: ['figures', 'experiments', 'settings'],
  safety: ['audit', 'content', 'intents'],
  own: ['account'],
} as const;
export type Section = keyof typeof SECTIONS;
export type PageName = (typeof SECTIONS)[Section][number];

/** What supervisors may see too. */
export const FOR_SUPERVISORS: readonly PageName[] = ['figures'];

export interface Route {
  page: PageName;
  /** What follows the page's name, such as a draft's id. */
  rest: readonly string[];
}

const PAGES: readonly string[] = Object.values(SECTIONS).flat();

/** The route of `#/history/12`; an address that leads nowhere leads to the first page. */
export function readRoute(hash: string): Route {
  const [page = '', ...rest] = hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(unescaped);
  return PAGES.includes(page) ? { page: page as PageName, rest } : { page: 'graph', rest: [] };
}

export const routeTo = (page: PageName, ...rest: readonly (string | number)[]): string =>
  `#/${[page, ...rest.map((part) => encodeURIComponent(part))].join('/')}`;

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // Somebody typed a lone percent sign.
  }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const follow = () => setRoute(readRoute(location.hash));
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  return route;
}
