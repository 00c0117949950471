/** The REST interface of the figures. */
import type { Json, Lang } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { request } from '../../shared/rest';

/** A share with its 95 % interval; nulls where there is nothing to divide by. */
export interface Share {
  value: number | null;
  low: number | null;
  high: number | null;
  of: number;
}

export interface Line {
  /** A day, a channel or a language; empty for the whole. */
  name: string;
  conversations: number;
  requests: number;
  running: number;
  handled: number;
  open: number;
  returned: number;
  handed: number;
  solved: number;
  unsolved: number;
  coverage: Share;
  containment: Share;
  handoff: Share;
  satisfaction: Share;
  meanS: number | null;
  p95S: number | null;
  answers: number;
}

export interface Quality {
  language: string;
  examples: number;
  intents: number | null;
  low: number | null;
  high: number | null;
  entities: number | null;
}

export interface Figures {
  asOf: string;
  complete: boolean;
  targets: { intents: number; entities: number; responseS: number; coverage: number };
  total: Line;
  days: Line[];
  byChannel: Line[];
  byLanguage: Line[];
  reasons: { reason: string; count: number; rate: Share }[];
  saved: { handled: number; minutes: number; cost: number; currency: string; hours: number; amount: number };
  release: string;
  quality: Quality[];
  reviewed: Share;
  unanswered: { text: string; language: string; count: number; newest: string }[];
}

export interface Wanted {
  days: number;
  channel: string;
  language: string;
}

const record = (raw: unknown): Json => (isRecord(raw) ? raw : {});
const maybe = (raw: unknown): number | null => number(raw) ?? null;
const whole = (raw: unknown): number => number(raw) ?? 0;

function readShare(raw: unknown): Share {
  const one = record(raw);
  return { value: maybe(one['value']), low: maybe(one['low']), high: maybe(one['high']), of: whole(one['of']) };
}

function readLine(raw: unknown, name: string): Line {
  const one = record(raw);
  const response = record(one['response']);
  const counts = ['conversations', 'requests', 'running', 'handled', 'open', 'returned', 'handed', 'solved', 'unsolved'] as const;
  return {
    name: text(one[name]) ?? '',
    ...(Object.fromEntries(counts.map((key) => [key, whole(one[key])])) as Record<(typeof counts)[number], number>),
    coverage: readShare(one['coverage']),
    containment: readShare(one['containment']),
    handoff: readShare(one['handoff']),
    satisfaction: readShare(one['satisfaction']),
    meanS: maybe(response['mean_s']),
    p95S: maybe(response['p95_s']),
    answers: whole(response['answers']),
  };
}

function readQuality(raw: unknown): Quality {
  const one = record(raw);
  return {
    language: text(one['language']) ?? '',
    examples: whole(one['examples']),
    intents: maybe(one['intent_accuracy']),
    low: maybe(one['low']),
    high: maybe(one['high']),
    entities: maybe(one['entity_f1']),
  };
}

/** The days that end today, as the address asks for them; what today is, the company's clock says. */
export function query({ days, channel, language }: Wanted): string {
  const search = new URLSearchParams({ days: String(days) });
  if (channel) search.set('channel', channel);
  if (language) search.set('language', language);
  return String(search);
}

export async function fetchFigures(wanted: Wanted): Promise<Figures> {
  const body = record(await request(`/api/figures?${query(wanted)}`));
  const [targets, saved, quality] = [record(body['targets']), record(body['saved']), record(body['quality'])];
  return {
    asOf: text(body['as_of']) ?? '',
    complete: body['complete'] === true,
    targets: {
      intents: whole(targets['intents']),
      entities: whole(targets['entities']),
      responseS: whole(targets['response_s']),
      coverage: whole(targets['coverage']),
    },
    total: readLine(body['total'], ''),
    days: list(body['days']).map((raw) => readLine(raw, 'day')),
    byChannel: list(body['by_channel']).map((raw) => readLine(raw, 'channel')),
    byLanguage: list(body['by_language']).map((raw) => readLine(raw, 'language')),
    reasons: list(body['reasons']).map((raw) => ({
      reason: text(record(raw)['reason']) ?? '',
      count: whole(record(raw)['count']),
      rate: readShare(record(raw)['rate']),
    })),
    saved: {
      handled: whole(saved['handled']),
      minutes: whole(saved['minutes']),
      cost: whole(saved['cost_per_hour']),
      currency: text(saved['currency']) ?? '',
      hours: whole(saved['hours']),
      amount: whole(saved['amount']),
    },
    release: text(quality['release']) ?? '',
    quality: list(quality['languages']).map(readQuality),
    reviewed: readShare(quality['reviewed']),
    unanswered: list(body['unanswered']).map((raw) => ({
      text: text(record(raw)['text']) ?? '',
      language: text(record(raw)['language']) ?? '',
      count: whole(record(raw)['count']),
      newest: text(record(raw)['newest']) ?? '',
    })),
  };
}

const TAG: Record<Lang, string> = { zh: 'zh-CN', en: 'en-GB' };

export const percent = (value: number | null, digits = 0): string => (value === null ? '–' : `${(value * 100).toFixed(digits)}%`);

export const seconds = (value: number | null, lang: Lang): string => {
  if (value === null) return '–';
  const shown = value < 10 ? value.toFixed(value < 1 ? 2 : 1) : String(Math.round(value));
  return lang === 'zh' ? `${shown} 秒` : `${shown} s`;
};

export const money = (amount: number, currency: string, lang: Lang): string => {
  try {
    return new Intl.NumberFormat(TAG[lang], { style: 'currency', currency, maximumFractionDigits: amount < 100 ? 2 : 0 }).format(amount);
  } catch {
    return `${amount} ${currency}`; // a currency that this browser does not know
  }
};

export const count = (value: number, lang: Lang): string => new Intl.NumberFormat(TAG[lang]).format(value);
