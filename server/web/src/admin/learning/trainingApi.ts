/** The REST interface of trainings and releases. */
import type { Json } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { CHANGES, request, send } from '../../shared/rest';

const record = (raw: unknown): Json => (isRecord(raw) ? raw : {});
const points = (raw: unknown): [number, number][] =>
  list(raw).map((one) => [number(list(one)[0]) ?? 0, number(list(one)[1]) ?? 0]);

export interface Difference {
  difference: number | null;
  low: number | null;
  high: number | null;
}

export interface Side {
  metrics: Record<string, number | null>;
  reliability: [number, number][];
  risk: [number, number][];
  confusions: { intent: string; takenFor: string; count: number }[];
}

export interface IntentChange extends Difference {
  intent: string;
  examples: number;
  base: number;
  candidate: number;
}

export interface Check {
  check: string;
  ok: boolean;
  intent: string;
  base: number | null;
  candidate: number | null;
  of: number | null;
}

export interface Training {
  id: number;
  state: string;
  author: string;
  at: string;
  progress: number;
  doing: string;
  base: string;
  release: string;
  labels: number;
  newIntents: number;
  problem: string;
  method: string;
  accepted: boolean | null;
  checks: Check[];
  examples: number;
  differences: Record<string, Difference>;
  before: Side;
  after: Side;
  intents: IntentChange[];
}

const difference = (raw: unknown): Difference => ({
  difference: number(record(raw)['difference']) ?? null,
  low: number(record(raw)['low']) ?? null,
  high: number(record(raw)['high']) ?? null,
});

function readSide(raw: unknown): Side {
  const one = record(raw);
  return {
    metrics: Object.fromEntries(Object.entries(record(one['metrics'])).map(([name, value]) => [name, number(value) ?? null])),
    reliability: points(one['reliability']),
    risk: points(one['risk']),
    confusions: list(one['confusions']).map((pair) => ({
      intent: text(record(pair)['intent']) ?? '',
      takenFor: text(record(pair)['taken_for']) ?? '',
      count: number(record(pair)['count']) ?? 0,
    })),
  };
}

function readTraining(raw: unknown): Training {
  const one = record(raw);
  const word = (name: string) => text(one[name]) ?? '';
  const comparison = record(one['comparison']);
  const verdict = isRecord(one['verdict']) ? one['verdict'] : null;
  return {
    id: number(one['id']) ?? 0,
    state: word('state'),
    author: word('author'),
    at: word('at'),
    progress: number(one['progress']) ?? 0,
    doing: word('doing'),
    base: word('base'),
    release: word('release'),
    labels: number(record(one['counts'])['labels']) ?? 0,
    newIntents: number(record(one['counts'])['new_intents']) ?? 0,
    problem: word('problem'),
    method: word('method'),
    accepted: verdict === null ? null : verdict['accepted'] === true,
    checks: list(verdict?.['checks']).map((raw_) => {
      const check = record(raw_);
      return {
        check: text(check['check']) ?? '',
        ok: check['ok'] === true,
        intent: text(check['intent']) ?? '',
        base: number(check['base']) ?? null,
        candidate: number(check['candidate']) ?? null,
        of: number(check['of']) ?? null,
      };
    }),
    examples: number(comparison['examples']) ?? 0,
    differences: Object.fromEntries(Object.entries(record(comparison['differences'])).map(([name, value]) => [name, difference(value)])),
    before: readSide(comparison['base']),
    after: readSide(comparison['candidate']),
    intents: list(comparison['intents']).map((row) => ({
      ...difference(row),
      intent: text(record(row)['intent']) ?? '',
      examples: number(record(row)['examples']) ?? 0,
      base: number(record(row)['base']) ?? 0,
      candidate: number(record(row)['candidate']) ?? 0,
    })),
  };
}

export const fetchTrainings = async (): Promise<Training[]> => list(record(await request('/api/trainings'))['items']).map(readTraining);
export const fetchTraining = async (id: number): Promise<Training> => readTraining(await request(`/api/trainings/${id}`));
export const beginTraining = async (): Promise<void> => {
  await request('/api/trainings', { method: 'POST', headers: CHANGES });
};
export const stopTraining = async (id: number): Promise<void> => {
  await request(`/api/trainings/${id}`, { method: 'DELETE', headers: CHANGES });
};
export const promote = async (id: number, reason: string): Promise<void> => {
  await request(`/api/trainings/${id}/promote`, send('POST', { reason }));
};
export const rollBack = async (release: string, reason: string): Promise<void> => {
  await request('/api/releases/rollback', send('POST', { release, reason }));
};

export interface Change {
  id: number;
  at: string;
  release: string;
  kind: string;
  author: string;
  reason: string;
  training: number | null;
  state: string;
  problem: string;
  here: boolean;
}

export interface Releases {
  release: string;
  supervised: boolean;
  exchanging: boolean;
  changes: Change[];
}

export async function fetchReleases(): Promise<Releases> {
  const raw = record(await request('/api/releases'));
  return {
    release: text(raw['release']) ?? '',
    supervised: raw['supervised'] === true,
    exchanging: raw['exchanging'] === true,
    changes: list(raw['items']).map((item) => {
      const one = record(item);
      const word = (name: string) => text(one[name]) ?? '';
      return {
        id: number(one['id']) ?? 0,
        at: word('at'),
        release: word('release'),
        kind: word('kind'),
        author: word('author'),
        reason: word('reason'),
        training: number(one['training']) ?? null,
        state: word('state'),
        problem: word('problem'),
        here: one['here'] === true,
      };
    }),
  };
}
