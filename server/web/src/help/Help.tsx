import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { help as en } from '../i18n/en';
import { help as zh } from '../i18n/zh';
import { lookUp, translator } from '../i18n';
import type { Translate } from '../i18n';
import { paletteCss } from '../shared/colour';
import type { Lang } from '../shared/frames';
import { ChatIcon, CloseIcon, RightIcon, SearchIcon } from '../shared/icons';
import { HELP_LANGUAGE, langTag, rememberLanguage } from '../shared/language';
import { RestError, WEEKDAYS, fetchArticle, fetchArticles, fetchCompany } from '../shared/rest';
import type { Article, ArticleCard, Company, Hours } from '../shared/rest';
import { sanitise } from '../shared/sanitise';
import { initial } from '../shared/text';
import type { KefuApi } from '../widget/main';
import { readRoute, writeRoute } from './route';
import type { Route } from './route';

type T = Translate<typeof zh>;
type Go = (route: Route) => void;

const SEARCH_PAUSE_MS = 250;
const CARD_ARTICLES = 4;
const TOPIC_ORDER = Object.keys(zh);

/** The chat, which loads on its own; a question asked before it is there waits for it. */
function withChat(use: (chat: KefuApi) => void): void {
  if (window.kefu) use(window.kefu);
  else window.addEventListener('kefu:ready', () => window.kefu && use(window.kefu), { once: true });
}

export function Help({ language }: { language: Lang }) {
  const [lang, setLang] = useState<Lang>(language);
  const [route, setRoute] = useState<Route>(() => readRoute(new URL(location.href)));
  const [company, setCompany] = useState<Company | null>(null);
  const [articles, setArticles] = useState<ArticleCard[] | null>(null);
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const t = useMemo(() => translator({ zh, en }, lang), [lang]);

  const go = useCallback<Go>((next) => {
    history.pushState(null, '', writeRoute(next));
    setRoute(next);
    window.scrollTo({ top: 0 });
  }, []);

  useEffect(() => {
    const back = () => setRoute(readRoute(new URL(location.href)));
    // A citation in the chat opens here instead of in a new tab.
    const cited = (event: Event) => {
      const url = new URL((event as CustomEvent<{ href: string }>).detail.href);
      const target = readRoute(url);
      if (url.origin !== location.origin || target.page !== 'article') return;
      event.preventDefault();
      go(target);
    };
    window.addEventListener('popstate', back);
    window.addEventListener('kefu:article', cited);
    return () => {
      window.removeEventListener('popstate', back);
      window.removeEventListener('kefu:article', cited);
    };
  }, [go]);

  useEffect(() => {
    let current = true;
    setFailed(false);
    fetchCompany().then(
      (found) => {
        if (!current) return;
        setCompany(found);
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(paletteCss(':root', found.colours));
        document.adoptedStyleSheets = [sheet];
        const [only] = found.languages;
        if (found.languages.length === 1 && only) setLang(only);
      },
      () => current && setFailed(true),
    );
    return () => {
      current = false;
    };
  }, [attempt]);

  useEffect(() => {
    let current = true;
    setArticles(null);
    fetchArticles(lang).then(
      (found) => current && setArticles(found),
      () => current && setFailed(true),
    );
    document.documentElement.lang = langTag(lang);
    return () => {
      current = false;
    };
  }, [lang, attempt]);

  const name = company?.name[lang] ?? '';
  useEffect(() => {
    if (route.page !== 'article') document.title = [t('helpCentre'), name].filter(Boolean).join(' · ');
  }, [route, name, t]);

  const switchLanguage = () => {
    const next: Lang = lang === 'zh' ? 'en' : 'zh';
    rememberLanguage(HELP_LANGUAGE, next);
    setLang(next);
    withChat((chat) => chat.setLocale(next));
  };

  const shared = { t, lang, go, articles: articles ?? [] };
  return (
    <>
      <a class="skip" href="#main">
        {t('skip')}
      </a>
      <header class="top">
        <div class="wide top-row">
          <PageLink class="brand" route={{ page: 'home' }} go={go}>
            <span class="mark" aria-hidden="true">
              {company?.logo || (name ? initial(name) : '')}
            </span>
            <span class="brand-name">{name}</span>
            <span class="brand-part">{t('helpCentre')}</span>
          </PageLink>
          {(company?.languages.length ?? 2) > 1 && (
            <button type="button" class="plain" lang={lang === 'zh' ? 'en' : 'zh-CN'} aria-label={t('languageLabel')} onClick={switchLanguage}>
              {t('language')}
            </button>
          )}
        </div>
      </header>
      {route.page === 'article' ? (
        <ArticlePage key={`${route.id} ${lang}`} id={route.id} company={name} {...shared} />
      ) : (
        <>
          <Hero company={company} route={route} {...shared} />
          <main id="main" class="wide body">
            {failed && articles === null ? (
              <Problem t={t} onRetry={() => setAttempt((count) => count + 1)} />
            ) : articles === null ? (
              <p class="hint">{t('loading')}</p>
            ) : route.page === 'search' ? (
              <Results query={route.query} {...shared} />
            ) : route.page === 'category' ? (
              <Category category={route.category} {...shared} />
            ) : (
              <Home {...shared} />
            )}
          </main>
        </>
      )}
      <Foot company={company} lang={lang} t={t} />
    </>
  );
}

interface Shared {
  t: T;
  lang: Lang;
  go: Go;
  articles: ArticleCard[];
}

/** A link within the page: an address like any other, followed without loading anew. */
function PageLink(props: { route: Route; go: Go; class?: string; children: preact.ComponentChildren }) {
  return (
    <a
      href={writeRoute(props.route)}
      class={props.class ?? ''}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        props.go(props.route);
      }}
    >
      {props.children}
    </a>
  );
}

function categoryName(category: string, lang: Lang): string {
  const known = lookUp(lang === 'zh' ? zh : en, `category_${category.toLowerCase()}`);
  if (known !== undefined) return known;
  const words = category.replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function byCategory(articles: ArticleCard[]): [string, ArticleCard[]][] {
  const groups = new Map<string, ArticleCard[]>();
  for (const article of articles) {
    const category = article.category || 'other';
    const group = groups.get(category);
    if (group) group.push(article);
    else groups.set(category, [article]);
  }
  // What people look for most comes first: the order of the catalogue, then the company's own topics.
  const rank = (category: string) => {
    const at = TOPIC_ORDER.indexOf(`category_${category.toLowerCase()}`);
    return at < 0 ? TOPIC_ORDER.length : at;
  };
  return [...groups].sort(([a], [b]) => rank(a) - rank(b));
}

function Hero({ company, route, t, lang, go }: Shared & { company: Company | null; route: Route }) {
  const routed = route.page === 'search' ? route.query : '';
  const [query, setQuery] = useState(routed);

  useEffect(() => setQuery(routed), [routed]);

  useEffect(() => {
    const wanted = query.trim();
    if (wanted === routed) return undefined;
    const timer = setTimeout(() => {
      const next: Route = wanted ? { page: 'search', query: wanted } : { page: 'home' };
      // One entry in the history for one search, not one for every letter.
      if (route.page === 'search' && wanted) {
        history.replaceState(null, '', writeRoute(next));
        dispatchEvent(new PopStateEvent('popstate'));
      } else {
        go(next);
      }
    }, SEARCH_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [query]);

  return (
    <section class={route.page === 'home' ? 'hero' : 'hero small'}>
      <svg class="rows" viewBox="0 0 1200 360" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
        {[0, 1, 2, 3, 4, 5, 6].map((row) => (
          <path key={row} d={`M-20 ${210 + row * 26} C 260 ${120 + row * 34}, 520 ${330 + row * 8}, 800 ${226 + row * 22} S 1140 ${150 + row * 32}, 1240 ${190 + row * 28}`} />
        ))}
      </svg>
      <div class="wide hero-inner">
        <h1>{t('heroTitle')}</h1>
        {route.page === 'home' && company?.tagline[lang] && <p class="tagline">{company.tagline[lang]}</p>}
        <form
          class="search"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            if (query.trim()) go({ page: 'search', query: query.trim() });
          }}
        >
          <SearchIcon />
          <input
            type="search"
            value={query}
            aria-label={t('searchLabel')}
            placeholder={t('search')}
            autocomplete="off"
            enterkeyhint="search"
            maxLength={200}
            onInput={(event) => !event.isComposing && setQuery(event.currentTarget.value)}
            onCompositionEnd={(event) => setQuery(event.currentTarget.value)}
          />
          {query && (
            <button type="button" class="clear" aria-label={t('clear')} title={t('clear')} onClick={() => setQuery('')}>
              <CloseIcon />
            </button>
          )}
        </form>
        {route.page === 'home' && company && company.suggestions.length > 0 && (
          <div class="popular">
            <span id="popular">{t('popular')}</span>
            <ul aria-labelledby="popular">
              {company.suggestions.map((suggestion) => (
                <li key={suggestion[lang]}>
                  <button type="button" onClick={() => withChat((chat) => chat.ask(suggestion[lang]))}>
                    {suggestion[lang]}
                  </button>
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </section>
  );
}

function Home({ t, lang, go, articles }: Shared) {
  return (
    <>
      <h2 class="section">{t('categories')}</h2>
      <div class="topics">
        {byCategory(articles).map(([category, list]) => (
          <section key={category} class="topic">
            <h3>{categoryName(category, lang)}</h3>
            <ul>
              {list.slice(0, CARD_ARTICLES).map((article) => (
                <li key={article.id}>
                  <PageLink route={{ page: 'article', id: article.id }} go={go}>
                    {article.title}
                  </PageLink>
                </li>
              ))}
            </ul>
            {list.length > CARD_ARTICLES && (
              <PageLink class="more" route={{ page: 'category', category }} go={go}>
                {t('all', { n: list.length })}
                <RightIcon />
              </PageLink>
            )}
          </section>
        ))}
      </div>
    </>
  );
}

function Cards({ articles, lang, go, showCategory }: { articles: ArticleCard[]; lang: Lang; go: Go; showCategory: boolean }) {
  return (
    <ul class="cards">
      {articles.map((article) => (
        <li key={article.id}>
          <PageLink class="card" route={{ page: 'article', id: article.id }} go={go}>
            {showCategory && <small>{categoryName(article.category, lang)}</small>}
            <b>{article.title}</b>
            <span>{article.summary}</span>
          </PageLink>
        </li>
      ))}
    </ul>
  );
}

function Category({ category, t, lang, go, articles }: Shared & { category: string }) {
  const list = articles.filter((article) => (article.category || 'other') === category);
  return (
    <>
      <nav class="crumbs">
        <PageLink route={{ page: 'home' }} go={go}>
          {t('home')}
        </PageLink>
        <RightIcon />
        <span aria-current="page">{categoryName(category, lang)}</span>
      </nav>
      <h2 class="section">{categoryName(category, lang)}</h2>
      <p class="hint">{t('count', { n: list.length })}</p>
      <Cards articles={list} lang={lang} go={go} showCategory={false} />
    </>
  );
}

function Results({ query, t, lang, go }: Shared & { query: string }) {
  const [found, setFound] = useState<ArticleCard[] | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let current = true;
    setFailed(false);
    fetchArticles(lang, query).then(
      (list) => current && setFound(list),
      () => current && setFailed(true),
    );
    return () => {
      current = false;
    };
  }, [query, lang]);

  if (failed) return <p class="hint">{t('loadFailed')}</p>;
  if (!found) return <p class="hint">{t('loading')}</p>;
  return (
    <>
      <h2 class="section">{found.length > 0 ? t('results', { q: query }) : t('noResults')}</h2>
      <p class="hint" role="status">
        {found.length > 0 ? t('resultCount', { n: found.length }) : t('noResultsText')}
      </p>
      <Cards articles={found} lang={lang} go={go} showCategory />
      <button type="button" class="outline" onClick={() => withChat((chat) => chat.ask(query))}>
        <ChatIcon />
        {t('askInstead')}
      </button>
    </>
  );
}

function ArticlePage({ id, company, t, lang, go, articles }: Shared & { id: string; company: string }) {
  const [article, setArticle] = useState<Article | null>(null);
  const [problem, setProblem] = useState<'missing' | 'failed' | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let current = true;
    setProblem(null);
    fetchArticle(id, lang).then(
      (found) => {
        if (!current) return;
        setArticle(found);
        document.title = [found.title, company].filter(Boolean).join(' · ');
      },
      (error: unknown) =>
        current && setProblem(error instanceof RestError && error.status === 404 ? 'missing' : 'failed'),
    );
    return () => {
      current = false;
    };
  }, [attempt]);

  const related = articles.filter((other) => article && other.category === article.category && other.id !== id).slice(0, 6);
  return (
    <main id="main" class="wide article-page">
      <nav class="crumbs">
        <PageLink route={{ page: 'home' }} go={go}>
          {t('home')}
        </PageLink>
        {article?.category && (
          <>
            <RightIcon />
            <PageLink route={{ page: 'category', category: article.category }} go={go}>
              {categoryName(article.category, lang)}
            </PageLink>
          </>
        )}
      </nav>
      {problem === 'missing' && (
        <div class="problem">
          <h1>{t('notFound')}</h1>
          <p>{t('notFoundText')}</p>
          <PageLink class="outline" route={{ page: 'home' }} go={go}>
            {t('backHome')}
          </PageLink>
        </div>
      )}
      {problem === 'failed' && <Problem t={t} onRetry={() => setAttempt((count) => count + 1)} />}
      {!article && !problem && <p class="hint">{t('loading')}</p>}
      {article && (
        <div class="article-grid">
          <article>
            <h1>{article.title}</h1>
            {article.summary && <p class="lead">{article.summary}</p>}
            <Prose html={article.html} go={go} />
          </article>
          <aside>
            <div class="still">
              <b>{t('stillStuck')}</b>
              <p>{t('stillStuckText')}</p>
              <button type="button" class="solid" onClick={() => withChat((chat) => chat.open())}>
                <ChatIcon />
                {t('openChat')}
              </button>
            </div>
            {related.length > 0 && (
              <nav class="related" aria-label={t('related')}>
                <h2>{t('related')}</h2>
                <ul>
                  {related.map((other) => (
                    <li key={other.id}>
                      <PageLink route={{ page: 'article', id: other.id }} go={go}>
                        {other.title}
                      </PageLink>
                    </li>
                  ))}
                </ul>
              </nav>
            )}
          </aside>
        </div>
      )}
    </main>
  );
}

/** An article's HTML, rebuilt from the allow-list; links to other articles stay in the page. */
function Prose({ html, go }: { html: string; go: Go }) {
  const fill = useCallback(
    (box: HTMLDivElement | null) => box?.replaceChildren(sanitise(html, location.href)),
    [html],
  );
  return (
    <div
      class="prose"
      ref={fill}
      onClick={(event) => {
        const link = (event.target as Element).closest('a');
        if (!link || event.metaKey || event.ctrlKey || event.shiftKey || link.target) return;
        const url = new URL(link.href);
        const target = readRoute(url);
        if (url.origin !== location.origin || target.page !== 'article' || url.hash) return;
        event.preventDefault();
        go(target);
      }}
    />
  );
}

function Problem({ t, onRetry }: { t: T; onRetry(): void }) {
  return (
    <div class="problem" role="alert">
      <p>{t('loadFailed')}</p>
      <button type="button" class="outline" onClick={onRetry}>
        {t('tryAgain')}
      </button>
    </div>
  );
}

/** Days with the same hours in a row share a line. */
function hourLines(hours: Hours, t: T): { days: string; time: string }[] {
  const lines: { from: number; to: number; time: string }[] = [];
  WEEKDAYS.forEach((weekday, index) => {
    const entry = hours[weekday];
    const time = entry ? `${entry.open}–${entry.close}` : t('closedDay');
    const last = lines.at(-1);
    if (last && last.time === time) last.to = index;
    else lines.push({ from: index, to: index, time });
  });
  const nameOf = (index: number) => t(WEEKDAYS[index] ?? 'mon');
  return lines.map(({ from, to, time }) => ({
    days: from === to ? nameOf(from) : `${nameOf(from)}${t('to')}${nameOf(to)}`,
    time,
  }));
}

function Foot({ company, lang, t }: { company: Company | null; lang: Lang; t: T }) {
  if (!company) return null;
  const lines = Object.keys(company.hours).length > 0 ? hourLines(company.hours, t) : [];
  return (
    <footer class="foot">
      <div class="wide foot-row">
        <div>
          <b>{company.name[lang]}</b>
          {company.email && (
            <p>
              {t('email')} <a href={`mailto:${company.email}`}>{company.email}</a>
            </p>
          )}
          {company.demoInbox && (
            <p class="demo">
              {t('demo')} <a href="/demo/inbox">{t('demoInbox')}</a>
            </p>
          )}
        </div>
        {lines.length > 0 && (
          <div>
            <b>{t('hours')}</b>
            <dl>
              {lines.map((line) => (
                <div key={line.days}>
                  <dt>{line.days}</dt>
                  <dd>{line.time}</dd>
                </div>
              ))}
            </dl>
          </div>
        )}
        <button type="button" class="outline" onClick={() => withChat((chat) => chat.open())}>
          <ChatIcon />
          {t('openChat')}
        </button>
      </div>
    </footer>
  );
}
