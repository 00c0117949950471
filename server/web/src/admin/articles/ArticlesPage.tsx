/** The help articles: the list, one article, the history, documents. */
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { ArticleEditor } from './ArticleEditor';
import { fetchArticle, fetchOverview } from './articlesApi';
import type { Overview, Row } from './articlesApi';
import { Documents } from './Documents';
import { LibraryHistory } from './LibraryHistory';
import { PublishDialog } from './PublishDialog';

const TYPING_MS = 250;
const SHOWS = ['all', 'drafts', 'problems', 'wrong', 'zh', 'en'] as const;
type Shows = (typeof SHOWS)[number];

/** Views begin with a sign that no article's id has. */
export function ArticlesPage({ rest: [first, id] }: { rest: readonly string[] }) {
  if (first === '~history') return <Framed view="~history"><LibraryHistory /></Framed>;
  if (first === '~documents') return <Framed view="~documents"><Documents /></Framed>;
  if (first === '~new' && id) return <ArticleEditor key={id} article={{ id, version: 0, published: null, draft: null, problems: [], history: [] }} />;
  return first === undefined ? <Framed view=""><List /></Framed> : <OpenArticle key={first} id={first} />;
}

function OpenArticle({ id }: { id: string }) {
  const loaded = useLoad(() => fetchArticle(id), [id]);
  return <Waiting of={loaded}>{(article) => <ArticleEditor article={article} />}</Waiting>;
}

function Framed({ view, children }: { view: string; children: preact.ComponentChildren }) {
  const { t } = useShell();
  const tabs = [['', t('tabList')], ['~history', t('tabHistory')], ['~documents', t('tabDocuments')]] as const;
  return (
    <>
      <div class="page-head">
        <h2>{t('page_articles')}</h2>
        <p>{t('articlesAbout')}</p>
      </div>
      <nav class="page-tabs" aria-label={t('page_articles')}>
        {tabs.map(([name, label]) => (
          <a key={name} href={name ? routeTo('articles', name) : routeTo('articles')} aria-current={name === view ? 'page' : undefined}>
            {label}
          </a>
        ))}
        <a class="apart" href="/api/library/export" download>
          {t('articlesExport')}
        </a>
      </nav>
      {children}
    </>
  );
}

function List() {
  const { t } = useShell();
  const [typed, setTyped] = useState('');
  const [query, setQuery] = useState('');
  const loaded = useLoad(() => fetchOverview(query), [query]);
  const [creating, setCreating] = useState(false);
  const [publishing, setPublishing] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setQuery(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  return (
    <>
      <div class="list-tools">
        <label class="field grow">
          {t('articlesSearch')}
          <input type="search" value={typed} placeholder={t('articlesSearchHint')} autocomplete="off" onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        <button type="button" class="button outline" onClick={() => setCreating(true)}>
          {t('articleNew')}
        </button>
      </div>
      <Waiting of={loaded}>{(overview) => <Rows overview={overview} onPublish={() => setPublishing(true)} />}</Waiting>
      {creating && <NewDialog taken={loaded.data?.articles.map((one) => one.id) ?? []} onClose={() => setCreating(false)} />}
      {publishing && (
        <PublishDialog
          onDone={() => {
            setPublishing(false);
            loaded.reload();
          }}
          onClose={() => setPublishing(false)}
        />
      )}
    </>
  );
}

function fits(row: Row, shows: Shows): boolean {
  if (shows === 'drafts') return row.draft !== null;
  if (shows === 'problems') return row.problems.length > 0;
  if (shows === 'wrong') return row.wrong > 0;
  return shows === 'all' || !row.languages.includes(shows);
}

function Rows({ overview, onPublish }: { overview: Overview; onPublish(): void }) {
  const { t, lang } = useShell();
  const [category, setCategory] = useState('');
  const [shows, setShows] = useState<Shows>('all');
  const categories = [...new Set(overview.articles.map((one) => one.category))].filter(Boolean).sort();
  const rows = overview.articles.filter((one) => (category === '' || one.category === category) && fits(one, shows));
  const drafts = overview.articles.filter((one) => one.draft !== null).length;
  return (
    <>
      <div class="filters two">
        <label class="field">
          {t('articlesCategory')}
          <select value={category} onChange={(event) => setCategory(event.currentTarget.value)}>
            <option value="">{t('articlesAll')}</option>
            {categories.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          {t('articlesShow')}
          <select value={shows} onChange={(event) => setShows(SHOWS.find((one) => one === event.currentTarget.value) ?? 'all')}>
            {SHOWS.map((one) => (
              <option key={one} value={one}>
                {t(`show_${one}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {drafts > 0 && (
        <div class="card drafts-bar">
          <p>{t('draftWaiting', { n: drafts })}</p>
          <button type="button" class="button solid" onClick={onPublish}>
            {t('publishDrafts')}
          </button>
        </div>
      )}
      {overview.gone.length > 0 && (
        <section class="card" aria-label={t('articleGone')}>
          <ul class="problem-list">
            {overview.gone.map((one, at) => (
              <li key={at} class="warning">
                {one.text[lang]}
              </li>
            ))}
          </ul>
        </section>
      )}
      <p class="faint" role="status">
        {t('articlesCount', { n: rows.length })}
      </p>
      {rows.length === 0 ? (
        <p class="empty card">{t('articlesNone')}</p>
      ) : (
        <ul class="article-rows card">
          {rows.map((row) => (
            <ArticleRow key={row.id} row={row} />
          ))}
        </ul>
      )}
    </>
  );
}

function ArticleRow({ row }: { row: Row }) {
  const { t, lang, coded } = useShell();
  const errors = row.problems.some((one) => one.severity === 'error');
  return (
    <li>
      <div class="article-line">
        <a href={routeTo('articles', row.id)}>{row.title[lang] || t('articleUntitled')}</a>
        {row.draft && <span class={`chip ${row.draft.change || 'changed'}`}>{coded('draft', row.draft.change)}</span>}
        {row.problems.length > 0 && <span class={`chip ${errors ? 'bad' : 'warn'}`}>{t('articleProblems', { n: row.problems.length })}</span>}
        {row.wrong > 0 && <span class="chip bad">{t('articleWrong', { n: row.wrong })}</span>}
      </div>
      <p class="faint">{row.summary[lang]}</p>
      <p class="faint small">
        <code>{row.id}</code>
        {row.category && <span>{row.category}</span>}
        {row.answered > 0 && <span>{t('articleAnswered', { n: row.answered })}</span>}
      </p>
    </li>
  );
}

function NewDialog({ taken, onClose }: { taken: readonly string[]; onClose(): void }) {
  const { t } = useShell();
  const [id, setId] = useState('');
  const free = /^[a-z0-9][a-z0-9_-]{0,63}$/.test(id) && !taken.includes(id);
  return (
    <FormDialog title={t('articleNew')} action={t('articleCreate')} ready={free} onDo={() => (location.hash = routeTo('articles', '~new', id))} onClose={onClose}>
      <label class="field">
        {t('articleId')}
        <input name="id" value={id} autocapitalize="none" spellcheck={false} autocomplete="off" onInput={(event) => setId(event.currentTarget.value.trim().toLowerCase())} />
        <small>{t('articleIdHint')}</small>
      </label>
    </FormDialog>
  );
}
