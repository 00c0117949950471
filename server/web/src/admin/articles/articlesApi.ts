/** The REST interface of the help articles (docs/console.md). */
import type { Json, Lang } from '../../shared/frames';
import { isLang, isRecord, list, number, text } from '../../shared/frames';
import { CHANGES, items, localised, request, send } from '../../shared/rest';
import type { Localised } from '../../shared/rest';
import type { Content, Text } from './content';

const record = (raw: unknown): Json => (isRecord(raw) ? raw : {});
const word = (raw: Json, name: string): string => text(raw[name]) ?? '';
const count = (raw: Json, name: string): number => number(raw[name]) ?? 0;
const words = (raw: unknown): string[] => list(raw).filter((one) => typeof one === 'string');
const part = encodeURIComponent;
/** A search in the model service and a document take longer than a look at the database. */
const LONG_MS = 60_000;

export interface Problem {
  code: string;
  severity: string;
  language: string;
  field: string;
  text: Localised;
}
const readProblems = (raw: unknown): Problem[] =>
  list(raw).map((one) => {
    const body = record(one);
    return { code: word(body, 'code'), severity: word(body, 'severity'), language: word(body, 'language'), field: word(body, 'field'), text: localised(body['text']) };
  });

export function readContent(raw: unknown): Content | null {
  if (!isRecord(raw)) return null;
  const texts: Partial<Record<Lang, Text>> = {};
  for (const [language, given] of Object.entries(record(raw['texts']))) {
    const body = record(given);
    if (isLang(language)) texts[language] = { title: word(body, 'title'), category: word(body, 'category'), summary: word(body, 'summary'), markdown: word(body, 'markdown') };
  }
  return { texts, intents: words(raw['intents']) };
}

export interface Draft {
  id: string;
  base: number;
  revision: number;
  content: Content | null;
  authorName: string;
  at: string;
  moved: boolean;
  change: string;
  title: Localised;
  problems: Problem[];
}
function readDraft(raw: unknown): Draft | null {
  if (!isRecord(raw)) return null;
  return {
    id: word(raw, 'id'),
    base: count(raw, 'base'),
    revision: count(raw, 'revision'),
    content: readContent(raw['content']),
    authorName: word(raw, 'author_name') || word(raw, 'author'),
    at: word(raw, 'at'),
    moved: raw['moved'] === true,
    change: word(raw, 'change'),
    title: localised(raw['title']),
    problems: readProblems(raw['problems']),
  };
}

export interface Row {
  id: string;
  title: Localised;
  category: string;
  summary: Localised;
  languages: string[];
  published: boolean;
  at: string;
  draft: Draft | null;
  problems: Problem[];
  answered: number;
  wrong: number;
}
export interface Overview {
  languages: Lang[];
  articles: Row[];
  gone: Problem[];
}
export async function fetchOverview(query: string): Promise<Overview> {
  const raw = record(await request(`/api/library${query ? `?${new URLSearchParams({ q: query })}` : ''}`));
  return {
    languages: list(raw['languages']).filter(isLang),
    gone: readProblems(raw['gone']),
    articles: list(raw['articles']).map((one) => {
      const body = record(one);
      return {
        id: word(body, 'id'),
        title: localised(body['title']),
        category: Object.values(record(body['category'])).find((value) => typeof value === 'string' && value !== '')?.toString() ?? '',
        summary: localised(body['summary']),
        languages: words(body['languages']),
        published: body['published'] === true,
        at: word(body, 'at'),
        draft: readDraft(body['draft']),
        problems: readProblems(body['problems']),
        answered: count(body, 'answered'),
        wrong: count(body, 'wrong'),
      };
    }),
  };
}

export interface Version {
  version: number;
  at: string;
  authorName: string;
  message: string;
  origin: string;
  of: number | null;
  active: boolean;
  changes: { id: string; change: string; title: Localised }[];
}
function readVersion(raw: unknown): Version {
  const body = record(raw);
  return {
    version: count(body, 'version'),
    at: word(body, 'at'),
    authorName: word(body, 'author_name'),
    message: word(body, 'message'),
    origin: word(body, 'origin'),
    of: number(body['of']) ?? null,
    active: body['active'] === true,
    changes: list(body['changes']).map((one) => ({ id: word(record(one), 'id'), change: word(record(one), 'change'), title: localised(record(one)['title']) })),
  };
}

export interface Article {
  id: string;
  version: number;
  published: Content | null;
  draft: Draft | null;
  problems: Problem[];
  history: Version[];
}
export async function fetchArticle(id: string): Promise<Article> {
  const raw = record(await request(`/api/library/articles/${part(id)}`));
  return {
    id: word(raw, 'id'),
    version: count(raw, 'version'),
    published: readContent(raw['published']),
    draft: readDraft(raw['draft']),
    problems: readProblems(raw['problems']),
    history: list(raw['history']).map(readVersion),
  };
}

export const fetchRevision = async (id: string, version: number): Promise<Content | null> =>
  readContent(record(await request(`/api/library/articles/${part(id)}/versions/${version}`))['content']);

export async function putDraft(id: string, revision: number, base: number, content: Content | null): Promise<{ draft: Draft | null; problems: Problem[] }> {
  const raw = record(await request(`/api/library/articles/${part(id)}/draft`, send('PUT', { revision, base, content })));
  return { draft: readDraft(raw['draft']), problems: readProblems(raw['problems']) };
}

/** What came with a refusal: the draft as it is and what is published. */
export const theirs = (body: Json): { draft: Draft | null; version: number; published: Content | null } => ({
  draft: readDraft(body['draft']),
  version: count(body, 'version'),
  published: readContent(body['published']),
});

export const deleteDraft = async (id: string, revision: number): Promise<void> => {
  await request(`/api/library/articles/${part(id)}/draft?revision=${revision}`, { method: 'DELETE', headers: CHANGES });
};

export const fetchDrafts = async (): Promise<Draft[]> => items(await request('/api/library/drafts')).flatMap((one) => readDraft(one) ?? []);

export const publish = async (drafts: readonly Draft[], message: string): Promise<Version> =>
  readVersion(await request('/api/library/publish', send('POST', { drafts: drafts.map(({ id, revision }) => ({ id, revision })), message }), '', LONG_MS));

export const rollBack = async (to: number, message: string): Promise<Version> =>
  readVersion(await request('/api/library/rollback', send('POST', { to, message }), '', LONG_MS));

export async function fetchVersions(query: string, before?: number): Promise<{ versions: Version[]; next: number | null }> {
  const search = new URLSearchParams({ ...(query ? { q: query } : {}), ...(before === undefined ? {} : { before: String(before) }) });
  const raw = await request(`/api/library/versions?${search}`);
  return { versions: items(raw).map(readVersion), next: number(record(raw)['next']) ?? null };
}

export interface FieldChange {
  path: string[];
  before: string;
  after: string;
}
export interface ArticleChange {
  id: string;
  change: string;
  title: Localised;
  fields: FieldChange[];
}
export const fetchDiff = async (from: number, to: number): Promise<ArticleChange[]> =>
  list(record(await request(`/api/library/diff?from=${from}&to=${to}`))['articles']).map((one) => {
    const body = record(one);
    const fields = list(body['fields']).map((field) => ({ path: words(record(field)['path']), before: word(record(field), 'before'), after: word(record(field), 'after') }));
    return { id: word(body, 'id'), change: word(body, 'change'), title: localised(body['title']), fields };
  });

export const renderMarkdown = async (markdown: string): Promise<string> => word(record(await request('/api/library/render', send('POST', { markdown }))), 'html');

export interface Answer {
  does: string;
  text: string;
  confident: boolean;
  passages: { article: string; title: string; passage: string; score: number }[];
}
function readAnswer(raw: unknown): Answer {
  const body = record(raw);
  const passages = list(body['passages']).map((one) => ({ article: word(record(one), 'article'), title: word(record(one), 'title'), passage: word(record(one), 'passage'), score: count(record(one), 'score') }));
  return { does: word(body, 'does'), text: word(body, 'text'), confident: body['confident'] === true, passages };
}
export interface Asked {
  intent: Localised | null;
  share: number;
  draft: Answer;
  published: Answer;
}
export async function ask(question: string, language: Lang, articles: Record<string, Content | null>): Promise<Asked> {
  const raw = record(await request('/api/library/ask', send('POST', { question, language, articles }), '', LONG_MS));
  const intent = isRecord(raw['intent']) ? localised(raw['intent']['label']) : null;
  return { intent, share: Math.round(100 * count(raw, 'confidence')), draft: readAnswer(raw['draft']), published: readAnswer(raw['published']) };
}

export interface AskedQuestion {
  id: number;
  conversation: string;
  at: string;
  text: string;
  disliked: boolean;
  marked: boolean;
}
export async function fetchQuestions(id: string, wrong: boolean): Promise<{ answered: number; wrong: number; questions: AskedQuestion[] }> {
  const raw = record(await request(`/api/library/articles/${part(id)}/questions?limit=50&wrong=${wrong}`));
  const questions = items(raw).map((one) => {
    const body = record(one);
    return { id: count(body, 'id'), conversation: word(body, 'conversation'), at: word(body, 'at'), text: word(body, 'text'), disliked: body['disliked'] === true, marked: body['marked'] === true };
  });
  return { answered: count(raw, 'answered'), wrong: count(raw, 'wrong'), questions };
}

export interface Piece extends Text {
  id: string;
  language: Lang;
}
export async function sendDocument(file: File): Promise<Piece[]> {
  const raw = record(await request(`/api/library/documents?${new URLSearchParams({ name: file.name })}`, { method: 'POST', headers: CHANGES, body: file }, '', LONG_MS));
  return list(raw['pieces']).map((one) => {
    const body = record(one);
    const language = body['language'];
    return { id: word(body, 'id'), language: isLang(language) ? language : 'en', title: word(body, 'title'), category: word(body, 'category'), summary: word(body, 'summary'), markdown: word(body, 'markdown') };
  });
}

export const takePieces = async (articles: Record<string, Content>): Promise<void> => {
  await request('/api/library/drafts', send('POST', { articles }));
};
