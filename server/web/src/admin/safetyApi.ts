/** The REST interface for content lists, the audit log, new intents and one's own account. */
import type { Json } from '../shared/frames';
import { isRecord, list, number, text } from '../shared/frames';
import { CHANGES, items, localised, request, send } from '../shared/rest';
import type { Localised } from '../shared/rest';

export interface AuditEntry {
  id: number;
  at: string;
  actor: string;
  action: string;
  target: string;
  detail: Json;
}

export interface AuditSearch {
  words: string;
  actor: string;
  target: string;
}

export const AUDIT_PAGE = 50;

export async function fetchAudit(search: AuditSearch, before?: number): Promise<AuditEntry[]> {
  const query = new URLSearchParams({ limit: String(AUDIT_PAGE) });
  if (search.words.trim()) query.set('q', search.words.trim());
  if (search.actor.trim()) query.set('actor', search.actor.trim());
  if (search.target.trim()) query.set('target', search.target.trim());
  if (before !== undefined) query.set('before', String(before));
  return readAudit(await request(`/api/audit?${query}`));
}

function readAudit(found: unknown): AuditEntry[] {
  return items(found).flatMap((raw) => {
    const id = isRecord(raw) ? number(raw['id']) : undefined;
    if (!isRecord(raw) || id === undefined) return [];
    const word = (name: string) => text(raw[name]) ?? '';
    const detail = isRecord(raw['detail']) ? raw['detail'] : {};
    return [{ id, at: word('at'), actor: word('actor'), action: word('action'), target: word('target'), detail }];
  });
}

export const CONTENT_CLASSES = ['self_harm', 'threat', 'illegal', 'abuse', 'forbidden'] as const;
export type ContentClass = (typeof CONTENT_CLASSES)[number];
export interface ContentList {
  phrases: string[];
  harmless: string[];
}
export type Lists = Record<ContentClass, ContentList>;

const strings = (value: unknown): string[] => list(value).filter((one) => typeof one === 'string');

function readLists(raw: unknown): Lists {
  const read = (name: string): ContentList => {
    const one = isRecord(raw) && isRecord(raw[name]) ? raw[name] : {};
    return { phrases: strings(one['phrases']), harmless: strings(one['harmless']) };
  };
  return Object.fromEntries(CONTENT_CLASSES.map((name) => [name, read(name)])) as Lists;
}

export const fetchLists = async (): Promise<Lists> => readLists(await request('/api/content'));
export const saveLists = async (lists: Lists): Promise<Lists> => readLists(await request('/api/content', send('PUT', lists)));

export interface Found {
  kind: string;
  phrase: string;
}

/** What the lists in force make of a text, from a customer and as a reply; null where they have nothing against it. */
export async function tryLists(words: string): Promise<{ customer: Found | null; reply: Found | null }> {
  const raw = await request('/api/content/try', send('POST', { text: words }));
  const found = (name: string): Found | null => {
    const one = isRecord(raw) ? raw[name] : null;
    return isRecord(one) ? { kind: text(one['class']) ?? '', phrase: text(one['phrase']) ?? '' } : null;
  };
  return { customer: found('customer'), reply: found('reply') };
}

/** Who looked at a customer and what was done with their data, newest first; the name is a conversation, a customer's id or a number. */
export async function fetchAboutCustomer(name: string): Promise<AuditEntry[]> {
  return readAudit(await request('/api/customers/audit', send('POST', { name })));
}

export interface MySessions {
  sessions: number;
  secondFactor: boolean;
}

export async function fetchMySessions(): Promise<MySessions> {
  const raw = await request('/api/sessions');
  const body: Json = isRecord(raw) ? raw : {};
  return { sessions: number(body['sessions']) ?? 1, secondFactor: body['second_factor'] === true };
}

export const endOtherSessions = async (): Promise<void> => {
  await request('/api/sessions', { method: 'DELETE', headers: CHANGES });
};

export async function beginSecondFactor(): Promise<{ secret: string; uri: string; qr: string }> {
  const raw = await request('/api/session/second-factor', { method: 'POST', headers: CHANGES });
  const body: Json = isRecord(raw) ? raw : {};
  const qr = text(body['qr']) ?? '';
  return { secret: text(body['secret']) ?? '', uri: text(body['uri']) ?? '', qr: qr.startsWith('data:image/svg+xml') ? qr : '' };
}

export const confirmSecondFactor = async (code: string): Promise<void> => {
  await request('/api/session/second-factor', send('PUT', { code }));
};

export const removeSecondFactor = async (code: string): Promise<void> => {
  await request('/api/session/second-factor/removal', send('POST', { code }));
};

export interface NewIntent {
  name: string;
  label: Localised;
  description: Localised;
  /** What happens when it is understood. */
  does: string;
  text: Localised;
  articles: string[];
  reason: string;
  examples: string[];
}

/** Variants of a text lie in a list, one below the other in the form. */
const joined = (raw: unknown): Localised => {
  const one = (value: unknown) => (typeof value === 'string' ? value : strings(value).join('\n'));
  return isRecord(raw) ? { zh: one(raw['zh']), en: one(raw['en']) } : { zh: '', en: '' };
};

export async function fetchNewIntents(): Promise<NewIntent[]> {
  return items(await request('/api/new-intents')).flatMap((raw) => {
    const definition = isRecord(raw) ? raw['definition'] : undefined;
    if (!isRecord(raw) || !isRecord(definition)) return [];
    return [
      {
        name: text(definition['name']) ?? '',
        label: localised(definition['label']),
        description: localised(definition['description']),
        does: text(definition['do']) ?? '',
        text: joined(definition['text']),
        articles: strings(definition['articles']),
        reason: text(definition['reason']) ?? '',
        examples: strings(raw['examples']),
      },
    ];
  });
}

const lines = (value: string): string[] => value.split('\n').map((line) => line.trim()).filter(Boolean);
const given = (value: Localised): Localised | undefined => (value.zh || value.en ? value : undefined);

export async function putNewIntent(intent: NewIntent): Promise<void> {
  const body = {
    label: intent.label,
    description: given(intent.description),
    do: intent.does,
    ...(intent.does === 'say' ? { text: { zh: lines(intent.text.zh), en: lines(intent.text.en) } } : {}),
    ...(intent.does === 'answer' && intent.articles.length > 0 ? { articles: intent.articles } : {}),
    ...(intent.does === 'handoff' ? { reason: intent.reason } : {}),
    examples: intent.examples,
  };
  await request(`/api/new-intents/${encodeURIComponent(intent.name)}`, send('PUT', body));
}

export const removeNewIntent = async (name: string): Promise<void> => {
  await request(`/api/new-intents/${encodeURIComponent(name)}`, { method: 'DELETE', headers: CHANGES });
};
