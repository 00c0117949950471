/** The REST interface of experiments. */
import type { Json } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { CHANGES, localised, request, send } from '../../shared/rest';
import type { Localised } from '../../shared/rest';

const PATH = '/api/experiments';
export const METRICS = ['handled', 'thumbs', 'handoff', 'answer_time'] as const;
export type Metric = (typeof METRICS)[number];
export const KINDS = ['greeting', 'text', 'say', 'prompt', 'threshold'] as const;
export type Kind = (typeof KINDS)[number];

export interface Arm {
  n: number;
  mean: number | null;
}

export interface Result {
  standing: 'early' | 'open' | 'better' | 'worse' | 'same';
  difference: number;
  low: number | null;
  high: number | null;
  a: Arm;
  b: Arm;
}

export interface Experiment {
  id: number;
  name: string;
  kind: Kind;
  target: string;
  texts: Localised;
  original: Localised | null;
  shift: number;
  share: number;
  metric: Metric;
  effect: number;
  state: 'running' | 'stopped' | 'adopted';
  author: string;
  started: string;
  ended: string;
  met: number;
  result: Result | null;
}

export interface Targets {
  texts: { key: string; text: Localised }[];
  intents: { name: string; label: Localised; text: Localised }[];
  greeting: Localised;
  /** How a language model is told to write answers; null where none writes any. */
  prompt: Localised | null;
}

export interface NewExperiment {
  name: string;
  kind: Kind;
  target: string;
  variant: Json;
  share: number;
  metric: Metric;
  effect: number;
}

const record = (raw: unknown): Json => (isRecord(raw) ? raw : {});
const oneOf = <T extends string>(values: readonly T[], raw: unknown, other: T): T => values.find((value) => value === raw) ?? other;

function readArm(raw: unknown): Arm {
  const one = record(raw);
  return { n: number(one['n']) ?? 0, mean: number(one['mean']) ?? null };
}

function readResult(raw: unknown): Result | null {
  if (!isRecord(raw)) return null;
  return {
    standing: oneOf(['early', 'open', 'better', 'worse', 'same'] as const, raw['standing'], 'early'),
    difference: number(raw['difference']) ?? 0,
    low: number(raw['low']) ?? null,
    high: number(raw['high']) ?? null,
    a: readArm(raw['a']),
    b: readArm(raw['b']),
  };
}

function readExperiment(raw: unknown): Experiment {
  const one = record(raw);
  const word = (name: string) => text(one[name]) ?? '';
  const variant = record(one['variant']);
  return {
    id: number(one['id']) ?? 0,
    name: word('name'),
    kind: oneOf(KINDS, one['kind'], 'text'),
    target: word('target'),
    texts: localised(variant['texts']),
    original: isRecord(one['original']) ? localised(one['original']) : null,
    shift: number(variant['shift']) ?? 0,
    share: number(one['share']) ?? 0,
    metric: oneOf(METRICS, one['metric'], 'handled'),
    effect: number(one['effect']) ?? 0,
    state: oneOf(['running', 'stopped', 'adopted'] as const, one['state'], 'stopped'),
    author: word('author'),
    started: word('started'),
    ended: word('ended'),
    met: number(one['met']) ?? 0,
    result: readResult(one['result']),
  };
}

export const fetchExperiments = async (): Promise<Experiment[]> => list(record(await request(PATH))['items']).map(readExperiment);

export async function fetchTargets(): Promise<Targets> {
  const body = record(await request(`${PATH}/targets`));
  const word = (raw: unknown, name: string) => text(record(raw)[name]) ?? '';
  return {
    texts: list(body['texts']).map((one) => ({ key: word(one, 'key'), text: localised(record(one)['text']) })),
    intents: list(body['intents']).map((one) => ({ name: word(one, 'name'), label: localised(record(one)['label']), text: localised(record(one)['text']) })),
    greeting: localised(body['greeting']),
    prompt: isRecord(record(body['prompts'])['answer']) ? localised(record(body['prompts'])['answer']) : null,
  };
}

export interface Plan {
  mean: number | null;
  units: number;
  daily: number;
  days: number | null;
}

export async function fetchPlan(metric: Metric, effect: number, share: number): Promise<Plan> {
  const body = record(await request(`${PATH}/plan?${new URLSearchParams({ metric, effect: String(effect), share: String(share) })}`));
  return { mean: number(body['mean']) ?? null, units: number(body['units']) ?? 0, daily: number(body['daily']) ?? 0, days: number(body['days']) ?? null };
}

export const beginExperiment = async (given: NewExperiment): Promise<void> => {
  await request(PATH, send('POST', given));
};
export const endExperiment = async (id: number, how: 'stop' | 'adopt'): Promise<void> => {
  await request(`${PATH}/${id}/${how}`, { method: 'POST', headers: CHANGES });
};
