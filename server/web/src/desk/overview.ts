/** The supervisor's figures: `GET /api/supervisor`, and the few things a supervisor may change about staff. */
import type { Json } from '../shared/frames';
import { isRecord, list, number, text } from '../shared/frames';
import { CHANGES, request } from '../shared/rest';
import type { Localised } from '../shared/rest';
import { readColleagues } from './deskApi';
import type { Colleague } from './deskApi';
import { readLabel } from './rows';

export interface Held {
  conversation: string;
  since: string;
  unanswered: string;
  topicLabel: Localised | null;
}

export interface AgentLine extends Colleague {
  conversations: Held[];
  taken: number;
  closed: number;
  pickUpS: number | null;
  replyS: number | null;
  rating: number | null;
}

export interface Share {
  name: string;
  label: Localised | null;
  count: number;
  /** 0 to 1. */
  share: number;
}

export interface Rated {
  name: string;
  label: Localised | null;
  count: number;
  /** 1 to 5. */
  score: number | null;
  /** 0 to 1. */
  solved: number | null;
}

export interface LiveBot {
  conversation: string;
  messages: number;
  updated: string;
  lastText: string;
}

export interface Overview {
  now: Readonly<Record<'waiting' | 'offered' | 'assigned' | 'snoozed' | 'bot', number>> & { longestWaitS: number | null };
  agents: AgentLine[];
  waits: { medianS: number | null; p90S: number | null; withinTarget: number | null };
  conversations: number;
  escalated: number;
  rate: number | null;
  reasons: Share[];
  byAgent: Rated[];
  byIntent: Rated[];
  answers: { name: string; good: number; bad: number }[];
  live: LiveBot[];
}

const part = (raw: Json, name: string): Json => (isRecord(raw[name]) ? raw[name] : {});
const word = (raw: Json, name: string): string => text(raw[name]) ?? '';
const figure = (raw: Json, name: string): number | null => number(raw[name]) ?? null;
const records = (value: unknown): Json[] => list(value).filter(isRecord);

const rated = (raw: Json, name: string): Rated => ({
  name: word(raw, 'name') || word(raw, name),
  label: readLabel(raw['label']),
  count: number(raw['count']) ?? 0,
  score: figure(raw, 'score'),
  solved: figure(raw, 'solved_share'),
});

export function readOverview(raw: unknown): Overview {
  const body: Json = isRecord(raw) ? raw : {};
  const [now, waits, handoffs, ratings] = [part(body, 'now'), part(body, 'waits'), part(body, 'handoffs'), part(body, 'ratings')];
  const lines = records(body['agents']);
  return {
    now: {
      waiting: number(now['waiting']) ?? 0,
      offered: number(now['offered']) ?? 0,
      assigned: number(now['assigned']) ?? 0,
      snoozed: number(now['snoozed']) ?? 0,
      bot: number(now['bot']) ?? 0,
      longestWaitS: figure(now, 'longest_wait_s'),
    },
    agents: lines.flatMap((line) => {
      const [colleague] = readColleagues([line]);
      if (!colleague) return [];
      const today = part(line, 'today');
      return [
        {
          ...colleague,
          conversations: records(line['conversations']).map((one) => ({
            conversation: word(one, 'conversation'),
            since: word(one, 'since'),
            unanswered: word(one, 'unanswered'),
            topicLabel: readLabel(one['topic_label']),
          })),
          taken: number(today['taken']) ?? 0,
          closed: number(today['closed']) ?? 0,
          pickUpS: figure(today, 'median_pick_up_s'),
          replyS: figure(today, 'median_reply_s'),
          rating: figure(today, 'rating'),
        },
      ];
    }),
    waits: { medianS: figure(waits, 'median_s'), p90S: figure(waits, 'p90_s'), withinTarget: figure(waits, 'within_target') },
    conversations: number(handoffs['conversations']) ?? 0,
    escalated: number(handoffs['escalated']) ?? 0,
    rate: figure(handoffs, 'rate'),
    reasons: records(handoffs['reasons']).map((one) => ({
      name: word(one, 'reason'),
      label: null,
      count: number(one['count']) ?? 0,
      share: number(one['share']) ?? 0,
    })),
    byAgent: records(ratings['agents']).map((one) => rated(one, 'agent')),
    byIntent: records(ratings['intents']).map((one) => rated(one, 'intent')),
    answers: records(ratings['answers']).map((one) => ({
      name: word(one, 'intent') || word(one, 'key'),
      good: number(one['good']) ?? 0,
      bad: number(one['bad']) ?? 0,
    })),
    live: records(body['live']).map((one) => ({
      conversation: word(one, 'conversation'),
      messages: number(one['messages']) ?? 0,
      updated: word(one, 'updated'),
      lastText: word(one, 'last_text'),
    })),
  };
}

export const fetchOverview = async (hours: number): Promise<Overview> => readOverview(await request(`/api/supervisor?hours=${hours}`));

export const setCapacity = async (agent: string, capacity: number): Promise<void> => {
  await request(`/api/staff/${encodeURIComponent(agent)}`, {
    method: 'PATCH',
    headers: { ...CHANGES, 'Content-Type': 'application/json' },
    body: JSON.stringify({ capacity }),
  });
};
