/** The rows of the queue: what they say, where they belong, and how urgent they are; pure. */
import type { ChatMode, Json, Lang } from '../shared/frames';
import { isLang, isRecord, list, number, readMode, text } from '../shared/frames';
import { localised } from '../shared/rest';
import type { Localised } from '../shared/rest';

export const QUEUE_TABS = ['waiting', 'mine', 'all', 'snoozed', 'closed'] as const;
export type QueueTab = (typeof QUEUE_TABS)[number];

export type RowState = 'waiting' | 'assigned' | 'snoozed' | 'closed';

export interface Rating {
  /** 1 to 5. */
  score: number | null;
  solved: boolean | null;
}

/** One escalation. Times are ISO 8601, UTC; an empty string means none. */
export interface Row {
  id: number | null;
  conversation: string;
  state: RowState;
  mode: ChatMode;
  reason: string;
  /** 0 to 3; larger is more urgent. */
  priority: number;
  language: Lang | '';
  since: string;
  /** When the service-level target passes. */
  due: string;
  /** Since when the customer waits for an answer. */
  unanswered: string;
  agent: string;
  agentName: string;
  offeredTo: string;
  offeredName: string;
  offeredUntil: string;
  team: string;
  topic: string;
  topicLabel: Localised | null;
  summary: string;
  customer: string;
  customerName: string;
  channel: string;
  /** The customer left contact details. */
  contact: boolean;
  lastText: string;
  lastRole: string;
  lastAt: string;
  /** Messages of the customer that no agent has read. */
  unread: number;
  snoozedUntil: string;
  outcome: string;
  tags: readonly string[];
  rating: Rating | null;
}

const STATES = new Set<string>(['waiting', 'assigned', 'snoozed', 'closed']);
const BY_MODE: Record<ChatMode, RowState> = { bot: 'closed', waiting: 'waiting', human: 'assigned', closed: 'closed' };

const strings = (value: unknown): string[] => list(value).flatMap((item) => text(item) ?? []);

export function readRating(raw: unknown): Rating | null {
  if (!isRecord(raw)) return null;
  const solved = typeof raw['solved'] === 'boolean' ? raw['solved'] : null;
  const score = number(raw['score']) ?? null;
  return score === null && solved === null ? null : { score, solved };
}

export const readLabel = (raw: unknown): Localised | null => (isRecord(raw) || text(raw) ? localised(raw) : null);

export function readRow(raw: unknown): Row | undefined {
  if (!isRecord(raw)) return undefined;
  const conversation = text(raw['conversation']);
  if (conversation === undefined) return undefined;
  const word = (name: string) => text(raw[name]) ?? '';
  const mode = readMode(raw['mode']) ?? 'waiting';
  return {
    id: number(raw['id']) ?? null,
    conversation,
    state: STATES.has(word('state')) ? (word('state') as RowState) : BY_MODE[mode],
    mode,
    reason: word('reason'),
    priority: number(raw['priority']) ?? 0,
    language: isLang(raw['language']) ? raw['language'] : '',
    since: word('since'),
    due: word('due'),
    unanswered: word('unanswered'),
    agent: word('agent'),
    agentName: word('agent_name'),
    offeredTo: word('offered_to'),
    offeredName: word('offered_name'),
    offeredUntil: word('offered_until'),
    team: word('team'),
    topic: word('topic'),
    topicLabel: readLabel(raw['topic_label']),
    summary: word('summary'),
    customer: word('customer'),
    customerName: word('customer_name'),
    channel: word('channel'),
    contact: raw['contact'] === true,
    lastText: word('last_text'),
    lastRole: word('last_role'),
    lastAt: word('last_at'),
    unread: number(raw['unread']) ?? 0,
    snoozedUntil: word('snoozed_until'),
    outcome: word('outcome'),
    tags: strings(raw['tags']),
    rating: readRating(raw['rating']),
  };
}

export function belongs(row: Row, tab: QueueTab, me: string): boolean {
  switch (tab) {
    case 'waiting':
      return row.state === 'waiting';
    case 'mine':
      return (row.state === 'assigned' && row.agent === me) || (row.state === 'waiting' && row.offeredTo === me);
    case 'all':
      return row.state === 'waiting' || row.state === 'assigned';
    case 'snoozed':
      return row.state === 'snoozed';
    case 'closed':
      return row.state === 'closed';
  }
}

/** What the lists are narrowed down to; empty strings narrow nothing. */
export interface Filter {
  language: string;
  reason: string;
  team: string;
  topic: string;
  agent: string;
  priority: string;
}

export const NO_FILTER: Filter = { language: '', reason: '', team: '', topic: '', agent: '', priority: '' };
export const FILTERS = Object.keys(NO_FILTER) as (keyof Filter)[];

export const filtering = (filter: Filter): number => FILTERS.filter((name) => filter[name] !== '').length;

export const matches = (row: Row, filter: Filter): boolean =>
  FILTERS.every((name) => filter[name] === '' || String(row[name]) === filter[name]);

/** Before whom a row stands in a list: the most urgent first, then who waits longest; closed ones newest first. */
export function compareRows(tab: QueueTab, a: Row, b: Row): number {
  const order = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
  if (tab === 'closed') return (b.id ?? 0) - (a.id ?? 0);
  if (tab === 'snoozed') return order(a.snoozedUntil, b.snoozedUntil);
  return b.priority - a.priority || order(a.since, b.since);
}

export interface Listing {
  rows: readonly Row[];
  /** Where the next page begins; null at the end. */
  next: string | null;
}

export type Lists = Readonly<Partial<Record<QueueTab, Listing>>>;

/** The rows as fetched again from the top, with the pages that were fetched before below them. */
export function refreshed(before: Listing | undefined, page: Listing): Listing {
  const last = page.rows.at(-1);
  if (!before || page.next === null || !last) return page;
  const at = before.rows.findIndex((row) => row.conversation === last.conversation);
  const rest = at < 0 ? [] : before.rows.slice(at + 1);
  if (rest.length === 0) return page;
  const fetched = new Set(page.rows.map((row) => row.conversation));
  return { rows: [...page.rows, ...rest.filter((row) => !fetched.has(row.conversation))], next: before.next };
}

export function extended(before: Listing | undefined, page: Listing): Listing {
  const known = new Set(before?.rows.map((row) => row.conversation));
  return { rows: [...(before?.rows ?? []), ...page.rows.filter((row) => !known.has(row.conversation))], next: page.next };
}

export const findRow = (lists: Lists, conversation: string): Row | undefined => {
  for (const listing of Object.values(lists)) {
    const row = listing.rows.find((one) => one.conversation === conversation);
    if (row) return row;
  }
  return undefined;
};

/** The lists with a row where it now belongs, and nowhere else. Lists that were never fetched stay unfetched. */
export function placed(lists: Lists, row: Row, me: string, filter: Filter): Lists {
  const next: Partial<Record<QueueTab, Listing>> = {};
  for (const tab of QUEUE_TABS) {
    const listing = lists[tab];
    if (!listing) continue;
    const { rows } = listing;
    const at = rows.findIndex((one) => one.conversation === row.conversation);
    if (!belongs(row, tab, me) || !matches(row, filter)) {
      next[tab] = at < 0 ? listing : { ...listing, rows: rows.toSpliced(at, 1) };
      continue;
    }
    if (at >= 0 && compareRows(tab, row, rows[at] ?? row) === 0) {
      next[tab] = { ...listing, rows: rows.with(at, row) };
      continue;
    }
    const others = at < 0 ? rows : rows.toSpliced(at, 1);
    const before = others.findIndex((one) => compareRows(tab, row, one) < 0);
    next[tab] = { ...listing, rows: others.toSpliced(before < 0 ? others.length : before, 0, row) };
  }
  return next;
}

export type Urgency = 'none' | 'calm' | 'soon' | 'over';

export interface Wait {
  urgency: Urgency;
  /** Seconds that the customer has waited for a person, or for an answer. */
  waited: number;
  /** Seconds until the target passes, negative after it; null where nothing is due. */
  left: number | null;
}

/** The last part of the time to the target in which a row warns. */
const SOON_SHARE = 0.3;

/** How a row's customer waits: for a person, or for the agent's answer. */
export function waitOf(row: Row, now: Date): Wait {
  const from = row.state === 'waiting' ? row.since : row.state === 'assigned' ? row.unanswered : '';
  const began = Date.parse(from);
  if (Number.isNaN(began)) return { urgency: 'none', waited: 0, left: null };
  const seconds = (until: number) => (until - now.getTime()) / 1000;
  const waited = Math.max(0, -seconds(began));
  const due = Date.parse(row.due);
  if (Number.isNaN(due)) return { urgency: 'calm', waited, left: null };
  const left = seconds(due);
  const whole = (due - began) / 1000;
  return { urgency: left < 0 ? 'over' : left < whole * SOON_SHARE ? 'soon' : 'calm', waited, left };
}

/** The members of a queue event that a row has; the rest of the row stays. */
export function rowPatch(type: string, frame: Json): Partial<Row> {
  const word = (name: string) => text(frame[name]) ?? '';
  const team = text(frame['team']);
  const nobody = { agent: '', agentName: '', offeredTo: '', offeredName: '', offeredUntil: '' };
  const withTeam = team === undefined ? {} : { team };
  const held = { ...nobody, agent: word('agent'), agentName: word('name') };
  switch (type) {
    case 'assigned':
      return { ...withTeam, state: 'waiting', mode: 'waiting', offeredTo: word('agent'), offeredName: word('name'), offeredUntil: word('until') };
    case 'taken':
      return { ...withTeam, ...held, state: 'assigned', mode: 'human' };
    case 'reopened':
      return { ...withTeam, ...held, state: 'assigned', mode: 'human', outcome: '' };
    case 'released':
    case 'transferred':
      return { ...withTeam, ...nobody, state: 'waiting', mode: 'waiting' };
    case 'snoozed':
      return { state: 'snoozed', snoozedUntil: word('until') };
    case 'woken':
      return { state: word('agent') ? 'assigned' : 'waiting', snoozedUntil: '' };
    case 'closed':
      return { ...withTeam, state: 'closed', mode: 'closed', outcome: word('outcome'), tags: strings(frame['tags']) };
    case 'mode':
      return word('mode') === 'bot' ? { ...nobody, state: 'closed', mode: 'bot' } : {};
    case 'rated':
      return { rating: readRating(frame) };
    case 'contact':
      return { contact: true };
    default:
      return {};
  }
}
