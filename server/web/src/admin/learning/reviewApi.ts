/** The REST interface of the review list and its labels. */
import type { Json } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { CHANGES, items, localised, request, send } from '../../shared/rest';
import type { Localised } from '../../shared/rest';

export const WHYS = ['fallback', 'low_confidence', 'out_of_scope', 'marked', 'thumbs_down'] as const;
export const STATES = ['open', 'conflict', 'labelled', 'ignored'] as const;
export type Verdict = 'intent' | 'out_of_scope' | 'not_a_question';

export interface Span {
  start: number;
  end: number;
  entity: string;
}

export interface Label {
  id: number;
  verdict: string;
  intent: string;
  by: string;
  at: string;
  state: string;
  entities: Span[];
}

export interface Item {
  id: number;
  conversation: string;
  text: string;
  botText: string;
  language: string;
  intent: string;
  confidence: number;
  ranking: { name: string; confidence: number }[];
  entities: Span[];
  why: string[];
  at: string;
  state: string;
  labels: Label[];
}

export interface Wanted {
  state: string;
  why: string;
  language: string;
  words: string;
}

const record = (raw: unknown): Json => (isRecord(raw) ? raw : {});
const spans = (raw: unknown): Span[] =>
  list(raw).map((one) => ({
    start: number(record(one)['start']) ?? 0,
    end: number(record(one)['end']) ?? 0,
    entity: text(record(one)['entity']) ?? '',
  }));

function readLabel(raw: unknown): Label {
  const one = record(raw);
  const word = (name: string) => text(one[name]) ?? '';
  return {
    id: number(one['id']) ?? 0,
    verdict: word('verdict'),
    intent: word('intent'),
    by: word('by'),
    at: word('at'),
    state: word('state'),
    entities: spans(one['entities']),
  };
}

/** What would read 0 % is no proposal. */
const LEAST_SUPPORT = 0.005;

function readItem(raw: unknown): Item {
  const one = record(raw);
  const word = (name: string) => text(one[name]) ?? '';
  return {
    id: number(one['id']) ?? 0,
    conversation: word('conversation'),
    text: word('text'),
    botText: word('bot_text'),
    language: word('language'),
    intent: word('intent'),
    confidence: number(one['confidence']) ?? 0,
    ranking: list(one['ranking'])
      .map((r) => ({ name: text(record(r)['name']) ?? '', confidence: number(record(r)['confidence']) ?? 0 }))
      .filter((r) => r.confidence >= LEAST_SUPPORT),
    entities: spans(one['entities']),
    why: list(one['why']).map(String),
    at: word('at'),
    state: word('state'),
    labels: list(one['labels']).map(readLabel),
  };
}

export interface Page {
  items: Item[];
  next: number | null;
  kinds: string[];
}

async function fetchItems(query: URLSearchParams): Promise<Page> {
  const raw = record(await request(`/api/review?${query}`));
  return { items: list(raw['items']).map(readItem), next: number(raw['next']) ?? null, kinds: list(raw['kinds']).map(String) };
}

export async function fetchReview(wanted: Wanted, before?: number): Promise<Page> {
  const query = new URLSearchParams({ state: wanted.state });
  if (wanted.why) query.set('why', wanted.why);
  if (wanted.language) query.set('language', wanted.language);
  if (wanted.words.trim()) query.set('q', wanted.words.trim());
  if (before !== undefined) query.set('before', String(before));
  return fetchItems(query);
}

export interface Group {
  id: number;
  language: string;
  size: number;
  title: string;
  examples: string[];
  proposals: { intent: string; share: number }[];
  looksNew: boolean;
  name: string;
}

export async function fetchGroups(): Promise<{ groups: Group[]; waiting: number }> {
  const raw = record(await request('/api/review/clusters'));
  return {
    waiting: number(raw['waiting']) ?? 0,
    groups: list(raw['items']).map((item) => {
      const one = record(item);
      const word = (name: string) => text(one[name]) ?? '';
      return {
        id: number(one['id']) ?? 0,
        language: word('language'),
        size: number(one['size']) ?? 0,
        title: word('title'),
        examples: list(one['examples']).map(String),
        proposals: list(one['proposals']).map((p) => ({ intent: text(record(p)['intent']) ?? '', share: number(record(p)['share']) ?? 0 })),
        looksNew: one['looks_new'] === true,
        name: word('name'),
      };
    }),
  };
}

/** The open messages of a group, all of them. */
export async function fetchMembers(group: number): Promise<Item[]> {
  const found: Item[] = [];
  for (let before: number | null | undefined; before !== null; ) {
    const query = new URLSearchParams({ cluster: String(group), limit: '100' });
    if (before !== undefined) query.set('before', String(before));
    const page: Page = await fetchItems(query);
    found.push(...page.items);
    before = page.next;
  }
  return found;
}

export interface Given {
  batch: string;
  labelled: number;
  conflicts: number;
}

export async function giveLabels(ids: readonly number[], verdict: Verdict, intent: string, entities?: readonly Span[]): Promise<Given> {
  const body = { items: ids, verdict, ...(verdict === 'intent' ? { intent } : {}), ...(entities ? { entities } : {}) };
  const raw = record(await request('/api/labels', send('POST', body)));
  return { batch: text(raw['batch']) ?? '', labelled: number(raw['labelled']) ?? 0, conflicts: list(raw['conflicts']).length };
}

export const undoLabels = async (batch: string): Promise<void> => {
  await request(`/api/labels/batch/${encodeURIComponent(batch)}`, { method: 'DELETE', headers: CHANGES });
};

export const settleLabel = async (label: number): Promise<string> =>
  text(record(await request(`/api/labels/${label}/settle`, { method: 'POST', headers: CHANGES }))['batch']) ?? '';

export interface KnownIntent {
  name: string;
  label: Localised;
}

/** What a message can be labelled as: trained intents, then those defined since. */
export async function fetchIntents(): Promise<KnownIntent[]> {
  const [trained, defined] = await Promise.all([request('/api/intents'), request('/api/new-intents')]);
  const known = (raw: unknown): KnownIntent => ({ name: text(record(raw)['name']) ?? '', label: localised(record(raw)['label']) });
  return [...items(trained).map(known), ...items(defined).map((raw) => known(record(raw)['definition']))];
}
