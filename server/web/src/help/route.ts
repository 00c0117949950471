/** Addresses of the help page: `/`, `/?category=…`, `/?q=…` and `/help/{id}`. */

export type Route = { page: 'home' } | { page: 'category'; category: string } | { page: 'search'; query: string } | { page: 'article'; id: string };

export function readRoute(url: URL): Route {
  const article = /^\/help\/([^/]+)\/?$/.exec(url.pathname)?.[1];
  if (article !== undefined) {
    try {
      return { page: 'article', id: decodeURIComponent(article) };
    } catch {
      return { page: 'article', id: article };
    }
  }
  const query = url.searchParams.get('q')?.trim();
  if (query) return { page: 'search', query };
  const category = url.searchParams.get('category');
  return category ? { page: 'category', category } : { page: 'home' };
}

export function writeRoute(route: Route): string {
  switch (route.page) {
    case 'home':
      return '/';
    case 'category':
      return `/?${new URLSearchParams({ category: route.category })}`;
    case 'search':
      return `/?${new URLSearchParams({ q: route.query })}`;
    case 'article':
      return `/help/${encodeURIComponent(route.id)}`;
  }
}
