/** The gateway's REST interface for staff. */
import type { ChatMessage, ChatMode, Json, Lang } from '../shared/frames';
import { isLang, isRecord, list, number, readMessage, readMode, text } from '../shared/frames';
import { CHANGES, RestError, items, localised, request, send } from '../shared/rest';
import type { Localised } from '../shared/rest';
import type { Canned } from './canned';
import type { Answer } from './translation';
import { FILTERS, readLabel, readRating, readRow } from './rows';
import type { Filter, Listing, QueueTab, Rating, Row } from './rows';

const word = (raw: Json, name: string): string => text(raw[name]) ?? '';
const strings = (value: unknown): string[] => list(value).flatMap((item) => text(item) ?? []);
const path = (conversation: string, rest = ''): string => `/api/conversations/${encodeURIComponent(conversation)}${rest}`;
// ---------------------------------------------------------------------- the desk

export const PRESENCES = ['online', 'busy', 'away'] as const;
export type Presence = (typeof PRESENCES)[number];

export interface Colleague {
  agent: string;
  name: string;
  role: string;
  state: Presence | 'offline';
  load: number;
  capacity: number;
  teams: readonly string[];
  languages: readonly string[];
}

export function readColleagues(raw: unknown): Colleague[] {
  return list(raw).flatMap((one) => {
    const agent = isRecord(one) ? text(one['agent']) : undefined;
    if (!isRecord(one) || agent === undefined) return [];
    const state = PRESENCES.find((name) => name === one['state']) ?? 'offline';
    return [
      {
        agent,
        name: word(one, 'name') || agent,
        role: word(one, 'role'),
        state,
        load: number(one['load']) ?? 0,
        capacity: number(one['capacity']) ?? 0,
        teams: strings(one['teams']),
        languages: strings(one['languages']),
      },
    ];
  });
}

export interface Team {
  id: string;
  name: Localised;
}

export type Counts = Readonly<Record<QueueTab | 'unread', number>>;
export const NO_COUNTS: Counts = { waiting: 0, mine: 0, all: 0, snoozed: 0, closed: 0, unread: 0 };

function readCounts(raw: unknown): Counts {
  const body: Json = isRecord(raw) ? raw : {};
  return Object.fromEntries(Object.keys(NO_COUNTS).map((name) => [name, number(body[name]) ?? 0])) as unknown as Counts;
}

/** What the desk needs to know once. */
export interface DeskInfo {
  agents: Colleague[];
  teams: Team[];
  targets: { pickUpS: number | null; replyS: number | null };
  outcomes: string[];
  /** Tags used lately. */
  tags: string[];
  reasons: string[];
  office: { open: boolean; opensAt: string };
  counts: Counts;
  /** E-mail is set up. */
  mail: boolean;
  /** A language model that translates is set up. */
  translation: boolean;
  /** A language model that sums up conversations is set up. */
  summary: boolean;
  maxUploadBytes: number;
}

export async function fetchDesk(): Promise<DeskInfo> {
  const raw = await request('/api/desk');
  const body: Json = isRecord(raw) ? raw : {};
  const targets: Json = isRecord(body['targets']) ? body['targets'] : {};
  const office: Json = isRecord(body['office']) ? body['office'] : {};
  return {
    agents: readColleagues(body['agents']),
    teams: list(body['teams']).flatMap((one) => {
      const id = isRecord(one) ? text(one['id']) : undefined;
      return isRecord(one) && id !== undefined ? [{ id, name: localised(one['name']) }] : [];
    }),
    targets: { pickUpS: number(targets['pick_up_s']) ?? null, replyS: number(targets['reply_s']) ?? null },
    outcomes: strings(body['outcomes']),
    tags: strings(body['tags']),
    reasons: strings(body['reasons']),
    office: { open: office['open'] !== false, opensAt: word(office, 'opens_at') },
    counts: readCounts(body['counts']),
    mail: body['mail'] === true,
    translation: body['translation'] === true,
    summary: body['summary'] === true,
    maxUploadBytes: number(body['max_upload_bytes']) ?? 0,
  };
}

// ---------------------------------------------------------------------- lists

export async function fetchQueue(tab: QueueTab, filter: Filter, limit: number, cursor?: string): Promise<Listing> {
  const search = new URLSearchParams({ state: tab, limit: String(limit) });
  for (const name of FILTERS) if (filter[name]) search.set(name, filter[name]);
  if (cursor !== undefined) search.set('cursor', cursor);
  const body = await request(`/api/conversations?${search}`);
  const next = isRecord(body) ? body['next'] : undefined;
  return {
    rows: items(body).flatMap((raw) => readRow(raw) ?? []),
    next: typeof next === 'string' || typeof next === 'number' ? String(next) : null,
  };
}

export const fetchCounts = async (): Promise<Counts> => readCounts(await request('/api/conversations/counts'));

export interface Hit {
  conversation: string;
  seq: number;
  role: string;
  at: string;
  parts: { text: string; hit: boolean }[];
  mode: ChatMode;
  customer: string;
}

export async function searchTranscripts(query: string, before?: string): Promise<{ hits: Hit[]; next: string | null }> {
  const search = new URLSearchParams({ q: query, limit: '50', ...(before === undefined ? {} : { before }) });
  const body = await request(`/api/search?${search}`);
  const next = isRecord(body) ? body['next'] : undefined;
  const hits = items(body).flatMap((raw): Hit[] => {
    const conversation = isRecord(raw) ? text(raw['conversation']) : undefined;
    if (!isRecord(raw) || conversation === undefined) return [];
    const parts = list(raw['parts']).flatMap((part) => {
      const words = isRecord(part) ? text(part['text']) : undefined;
      return isRecord(part) && words !== undefined ? [{ text: words, hit: part['hit'] === true }] : [];
    });
    return [
      {
        conversation,
        seq: number(raw['seq']) ?? 0,
        role: word(raw, 'role'),
        at: word(raw, 'at'),
        parts: parts.length > 0 ? parts : [{ text: word(raw, 'text'), hit: false }],
        mode: readMode(raw['mode']) ?? 'closed',
        customer: word(raw, 'customer'),
      },
    ];
  });
  return { hits, next: typeof next === 'string' || typeof next === 'number' ? String(next) : null };
}

// ---------------------------------------------------------------------- one conversation

export interface Escalation {
  row: Row;
  skill: string;
  context: Json;
}

export function readEscalation(raw: unknown): Escalation | null {
  const row = readRow(raw);
  if (!row || !isRecord(raw)) return null;
  return { row, skill: word(raw, 'skill'), context: isRecord(raw['context']) ? raw['context'] : {} };
}

export interface Mark {
  seq: number;
  intent: string;
  comment: string;
  name: string;
}

export interface Contact {
  phone: string;
  email: string;
  note: string;
}

export const readContact = (raw: unknown): Contact | null =>
  isRecord(raw) ? { phone: word(raw, 'phone'), email: word(raw, 'email'), note: word(raw, 'note') } : null;

export interface Draft {
  agent: string;
  name: string;
  text: string;
}

export const readDraft = (raw: unknown): Draft | null =>
  isRecord(raw) && word(raw, 'text') !== '' ? { agent: word(raw, 'agent'), name: word(raw, 'name'), text: word(raw, 'text') } : null;

/** Something that happened beside the messages: a transfer with its note, a snooze. */
export interface Happening {
  event: number;
  type: string;
  at: string;
  frame: Json;
}

export interface Verdict {
  seq: number | null;
  rating: Rating | null;
  comment: string;
}

export interface ConversationDetail {
  conversation: string;
  mode: ChatMode;
  locale: Lang | '';
  agent: string;
  agentName: string;
  messages: ChatMessage[];
  escalation: Escalation | null;
  contact: Contact | null;
  draft: Draft | null;
  marks: Mark[];
  happenings: Happening[];
  verdicts: Verdict[];
  readByCustomer: number;
  delivered: number;
}

export function readMark(raw: unknown): Mark[] {
  const seq = isRecord(raw) ? number(raw['seq']) : undefined;
  return isRecord(raw) && seq !== undefined
    ? [{ seq, intent: word(raw, 'intent'), comment: word(raw, 'comment'), name: word(raw, 'name') }]
    : [];
}

export function readHappening(raw: unknown): Happening[] {
  const event = isRecord(raw) ? number(raw['event']) : undefined;
  return isRecord(raw) && event !== undefined ? [{ event, type: word(raw, 'type'), at: word(raw, 'at'), frame: raw }] : [];
}

export async function fetchConversation(id: string): Promise<ConversationDetail> {
  const body = await request(path(id));
  if (!isRecord(body)) throw new RestError(404, 'not a conversation');
  return {
    conversation: id,
    mode: readMode(body['mode']) ?? 'bot',
    locale: isLang(body['locale']) ? body['locale'] : '',
    agent: word(body, 'agent'),
    agentName: word(body, 'agent_name'),
    messages: [...list(body['messages']), ...list(body['notes'])].flatMap((raw) => readMessage(raw) ?? []),
    escalation: readEscalation(body['escalation']),
    contact: readContact(body['contact']),
    draft: readDraft(body['draft']),
    marks: list(body['marks']).flatMap(readMark),
    happenings: list(body['events']).flatMap(readHappening),
    verdicts: list(body['feedback']).flatMap((raw) =>
      isRecord(raw) ? [{ seq: number(raw['seq']) ?? null, rating: readRating(raw), comment: word(raw, 'comment') }] : [],
    ),
    readByCustomer: number(body['read_by_customer']) ?? 0,
    delivered: number(body['delivered_to_customer']) ?? 0,
  };
}

/** Decision records are shown as they are; only what gets its own place is read out. */
export async function fetchDecisions(id: string, seq: number): Promise<Json[]> {
  return items(await request(path(id, `/decisions?seq=${seq}`))).filter(isRecord);
}

/** The lines of text that were read in a picture. */
export async function fetchPictureText(id: string): Promise<string[]> {
  const body = await request(`/api/uploads/${encodeURIComponent(id)}/text`);
  return isRecord(body) ? list(body['lines']).filter(isRecord).flatMap((line) => text(line['text']) ?? []) : [];
}

export interface PastConversation {
  conversation: string;
  channel: string;
  created: string;
  mode: ChatMode;
  topicLabel: Localised | null;
  summary: string;
  outcome: string;
  agentName: string;
  rating: Rating | null;
}

export interface CustomerRecord {
  /** As the account back end gives it; null where the customer is not known. */
  record: Json | null;
  /** Why there is none although the customer is known. */
  error: string;
  bills: Json[];
  tickets: Json[];
  conversations: PastConversation[];
}

export async function fetchCustomer(id: string): Promise<CustomerRecord> {
  const raw = await request(path(id, '/customer'));
  const body: Json = isRecord(raw) ? raw : {};
  return {
    record: isRecord(body['customer']) ? body['customer'] : null,
    error: word(body, 'error'),
    bills: list(body['bills']).filter(isRecord),
    tickets: list(body['tickets']).filter(isRecord),
    conversations: list(body['conversations']).flatMap((one) => {
      const conversation = isRecord(one) ? text(one['conversation']) : undefined;
      if (!isRecord(one) || conversation === undefined) return [];
      return [
        {
          conversation,
          channel: word(one, 'channel'),
          created: word(one, 'created'),
          mode: readMode(one['mode']) ?? 'closed',
          topicLabel: readLabel(one['topic_label']),
          summary: word(one, 'summary'),
          outcome: word(one, 'outcome'),
          agentName: word(one, 'agent_name'),
          rating: readRating(one['rating']),
        },
      ];
    }),
  };
}

export const transcriptUrl = (id: string, lang: Lang): string => path(id, `/transcript?format=txt&lang=${lang}`);

export const mailTranscript = async (id: string, email: string): Promise<void> => {
  await request(path(id, '/transcript'), send('POST', { email }));
};

// ---------------------------------------------------------------------- help with writing

export interface Reply extends Canned {
  /** As stored, with its variables, by language. */
  texts: Readonly<Partial<Record<Lang, string>>>;
  mine: boolean;
}

function readReply(raw: unknown, lang: Lang): Reply[] {
  const id = isRecord(raw) ? (text(raw['id']) ?? number(raw['id'])?.toString()) : undefined;
  if (!isRecord(raw) || id === undefined) return [];
  const texts = isRecord(raw['text']) ? raw['text'] : {};
  const zh = text(texts['zh']);
  const en = text(texts['en']);
  const own = lang === 'zh' ? (zh ?? en) : (en ?? zh);
  return [
    {
      id,
      shortcut: word(raw, 'shortcut'),
      title: word(raw, 'title'),
      text: text(raw['filled']) ?? own ?? '',
      texts: { ...(zh === undefined ? {} : { zh }), ...(en === undefined ? {} : { en }) },
      mine: raw['mine'] === true,
    },
  ];
}

/** The canned replies, filled in for a conversation as far as its variables are known. */
export async function fetchReplies(conversation: string, lang: Lang): Promise<Reply[]> {
  const search = new URLSearchParams({ conversation });
  return items(await request(`/api/replies?${search}`)).flatMap((raw) => readReply(raw, lang));
}

export interface ReplyDraft {
  shortcut: string;
  title: string;
  text: Partial<Record<Lang, string>>;
  shared: boolean;
}

export const addReply = async (reply: ReplyDraft): Promise<void> => {
  await request('/api/replies', send('POST', reply));
};

export const deleteReply = async (id: string): Promise<void> => {
  await request(`/api/replies/${encodeURIComponent(id)}`, { method: 'DELETE', headers: CHANGES });
};

export interface Passage {
  article: string;
  title: string;
  passage: string;
  url: string;
}

export async function searchKnowledge(query: string, lang: Lang): Promise<{ passages: Passage[]; confident: boolean }> {
  const search = new URLSearchParams({ q: query, lang, k: '6' });
  const body = await request(`/api/knowledge?${search}`);
  const passages = list(isRecord(body) ? body['passages'] : []).flatMap((raw) =>
    isRecord(raw)
      ? [{ article: word(raw, 'article'), title: word(raw, 'title'), passage: word(raw, 'passage'), url: word(raw, 'url') }]
      : [],
  );
  return { passages, confident: isRecord(body) && body['confident'] === true };
}

/** A machine translation; a failure is told in its state, but for a session that is over. */
export async function fetchTranslation(words: string, source: Lang, target: Lang): Promise<Answer> {
  try {
    const body = await request('/api/translations', send('POST', { text: words, source, target }));
    const found = isRecord(body) ? text(body['text']) : undefined;
    if (found) return { to: target, state: 'done', text: found };
    return { to: target, state: isRecord(body) && body['refused'] === 'too_long' ? 'long' : 'refused' };
  } catch (error) {
    if (error instanceof RestError && error.status === 401) throw error;
    return { to: target, state: 'away' };
  }
}

/** A sentence about a conversation, and the words of the message that it rests on. */
export interface Summed {
  text: string;
  quote: string;
}

/** What a language model says a conversation is about; empty where nothing it said stands in the conversation. */
export async function fetchSummary(id: string, language: Lang): Promise<Summed[]> {
  const body = await request(`/api/conversations/${encodeURIComponent(id)}/summary`, send('POST', { language }));
  return list(isRecord(body) ? body['sentences'] : []).flatMap((raw) => {
    const words = isRecord(raw) ? text(raw['text']) : undefined;
    return isRecord(raw) && words ? [{ text: words, quote: word(raw, 'quote') }] : [];
  });
}

/** What staff call the intents, by name. */
export async function fetchIntents(): Promise<Record<string, Localised>> {
  return Object.fromEntries(
    items(await request('/api/intents')).flatMap((raw) => {
      const name = isRecord(raw) ? text(raw['name']) : undefined;
      return isRecord(raw) && name !== undefined ? [[name, localised(raw['label'])] as const] : [];
    }),
  );
}
