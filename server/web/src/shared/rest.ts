/** The gateway's REST interface, as far as the pages use it. */
import type { Json, Lang } from './frames';
import { compact, isLang, isRecord, list, number, text } from './frames';

const DEADLINE_MS = 15_000;

/** A request that was answered with an error (`status` is the HTTP status) or not at all (`status` 0). */
export class RestError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** What came with the error, where that was JSON. */
    readonly body: unknown = null,
  ) {
    super(message);
    this.name = 'RestError';
  }
}

/** The JSON that a route answers with; null for an answer without a body. */
export async function request(path: string, init: RequestInit = {}, base = '', deadlineMs = DEADLINE_MS): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(base + path, { ...init, signal: AbortSignal.timeout(deadlineMs) });
  } catch (cause) {
    throw new RestError(0, String(cause));
  }
  if (response.status === 204) return null;
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const detail = isRecord(body) ? (text(body['detail']) ?? text(body['message'])) : undefined;
    throw new RestError(response.status, detail ?? response.statusText, body);
  }
  return body;
}

export type Localised = Readonly<Record<Lang, string>>;

/** A text in both languages: one that has only the other language is shown in that. */
export function localised(value: unknown): Localised {
  if (typeof value === 'string') return { zh: value, en: value };
  const zh = isRecord(value) ? text(value['zh']) : undefined;
  const en = isRecord(value) ? text(value['en']) : undefined;
  return { zh: zh ?? en ?? '', en: en ?? zh ?? '' };
}

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];
export type Hours = Readonly<Partial<Record<Weekday, { open: string; close: string }>>>;

export interface Company {
  id: string;
  name: Localised;
  tagline: Localised;
  colours: { primary?: string; accent?: string };
  languages: Lang[];
  logo: string;
  hours: Hours;
  email: string;
  /** Questions that people often ask. */
  suggestions: Localised[];
  /** The customers are made up, and what would be sent to their phones is at /demo/inbox. */
  demoInbox: boolean;
  /** Customers can talk. */
  voice: boolean;
  /** Bytes that a customer's picture may have; 0: no pictures. */
  pictureBytes: number;
}

/** Opening hours: a weekday by its name or its first three letters, with open and close, a pair, or "08:00-22:00". */
function readHours(value: unknown): Hours {
  const hours: Partial<Record<Weekday, { open: string; close: string }>> = {};
  if (!isRecord(value)) return hours;
  for (const [name, raw] of Object.entries(value)) {
    const weekday = WEEKDAYS.find((candidate) => name.toLowerCase().startsWith(candidate));
    if (!weekday) continue;
    const [open, close] = isRecord(raw)
      ? [text(raw['open']), text(raw['close'])]
      : typeof raw === 'string'
        ? raw.split(/\s*[-–]\s*/)
        : list(raw).map(text);
    if (open !== undefined && close !== undefined) hours[weekday] = { open, close };
  }
  return hours;
}

export async function fetchCompany(base = ''): Promise<Company> {
  const raw = await request('/api/company', {}, base);
  const body: Json = isRecord(raw) ? raw : {};
  const colours = isRecord(body['colours']) ? body['colours'] : {};
  const languages = list(body['languages']).filter(isLang);
  const contact = isRecord(body['contact']) ? body['contact'] : {};
  return {
    id: text(body['id']) ?? '',
    name: localised(body['name']),
    tagline: localised(body['tagline']),
    colours: compact({ primary: text(colours['primary']), accent: text(colours['accent']) }),
    languages: languages.length ? languages : ['zh', 'en'],
    logo: text(body['logo_text']) ?? '',
    hours: readHours(body['hours']),
    email: text(contact['email']) ?? '',
    suggestions: list(body['suggestions']).flatMap((item) =>
      isRecord(item) ? [localised(item['label'])] : [],
    ),
    demoInbox: body['demo_inbox'] === true,
    voice: body['voice'] === true,
    pictureBytes: number(body['picture_bytes']) ?? 0,
  };
}

export interface ArticleCard {
  id: string;
  title: string;
  category: string;
  summary: string;
}

export interface Article extends ArticleCard {
  html: string;
}

function readCard(raw: unknown): ArticleCard[] {
  if (!isRecord(raw)) return [];
  const id = text(raw['id']);
  const title = text(raw['title']);
  if (id === undefined || title === undefined) return [];
  return [{ id, title, category: text(raw['category']) ?? '', summary: text(raw['summary']) ?? '' }];
}

/** Lists come bare or under `items`. */
export const items = (body: unknown): unknown[] => (isRecord(body) ? list(body['items']) : list(body));

export async function fetchArticles(lang: Lang, query = ''): Promise<ArticleCard[]> {
  const search = new URLSearchParams({ lang, ...(query ? { q: query } : {}) });
  return items(await request(`/api/articles?${search}`)).flatMap(readCard);
}

export async function fetchArticle(id: string, lang: Lang): Promise<Article> {
  const body = await request(`/api/articles/${encodeURIComponent(id)}?lang=${lang}`);
  const [card] = readCard(body);
  if (!card || !isRecord(body)) throw new RestError(404, 'not an article');
  return { ...card, html: text(body['html']) ?? '' };
}

export interface Staff {
  username: string;
  name: string;
  role: string;
}

function readStaff(raw: unknown): Staff {
  const body: Json = isRecord(raw) ? raw : {};
  const username = text(body['username']);
  if (username === undefined) throw new RestError(401, 'no session');
  return { username, name: text(body['name']) || username, role: text(body['role']) ?? 'agent' };
}

/** Every request that changes something says so in a header that other sites' forms cannot send. */
export const CHANGES = { 'X-Kefu': '1' };

/** A change with a JSON body. */
export const send = (method: string, body: unknown): RequestInit => ({
  method,
  headers: { ...CHANGES, 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

export const fetchSession = async (): Promise<Staff> => readStaff(await request('/api/session'));

/** What a log-in without the code of a second factor is answered with. */
export const CODE_NEEDED = "the second factor's code is needed";

export const logIn = async (username: string, password: string, code = ''): Promise<Staff> =>
  readStaff(
    await request('/api/session', {
      method: 'POST',
      headers: { ...CHANGES, 'Content-Type': 'application/json' },
      body: JSON.stringify({ username, password, code }),
    }),
  );

/** Ends the session; whoever came by the company's own accounts goes on to end it there too. */
export const logOut = async (): Promise<void> => {
  const raw = await request('/api/session', { method: 'DELETE', headers: CHANGES });
  const away = isRecord(raw) ? text(raw['continue']) : undefined;
  if (away && /^https?:\/\//.test(away)) location.assign(away);
};

/** The company's own accounts, where one can sign in by them: what they are called, and where that begins. */
export interface OwnAccounts {
  name: string;
  address: string;
}

export const fetchOwnAccounts = async (): Promise<OwnAccounts | null> => {
  const raw = await request('/api/session/ways');
  const oidc = isRecord(raw) && isRecord(raw['oidc']) ? raw['oidc'] : {};
  const address = text(oidc['address']);
  return address?.startsWith('/api/') ? { name: text(oidc['name']) ?? '', address } : null;
};

export interface InboxMessage {
  id: string;
  at: string;
  kind: string;
  to: string;
  code: string;
  bill: string;
  amount: string;
  currency: string;
  status: string;
}

/** What the demo's customers were sent, newest first. */
export async function fetchInbox(customer: string): Promise<InboxMessage[]> {
  const search = customer ? `?${new URLSearchParams({ customer })}` : '';
  return items(await request(`/api/demo/inbox${search}`)).flatMap((raw) => {
    const id = isRecord(raw) ? text(raw['id']) : undefined;
    if (!isRecord(raw) || id === undefined) return [];
    const word = (name: string) => text(raw[name]) ?? '';
    const amount: Json = isRecord(raw['amount']) ? raw['amount'] : {};
    return [
      {
        id,
        at: word('at'),
        kind: word('kind'),
        to: word('to'),
        code: word('code'),
        bill: word('bill'),
        amount: text(amount['amount']) ?? '',
        currency: text(amount['currency']) ?? '',
        status: word('status'),
      },
    ];
  });
}

export const acceptPayment = async (bill: string): Promise<void> => {
  await request(`/api/demo/payment-requests/${encodeURIComponent(bill)}/accept`, { method: 'POST', headers: CHANGES });
};

export async function fetchOpenApi(): Promise<Json> {
  const body = await request('/api/openapi.json');
  return isRecord(body) ? body : {};
}
