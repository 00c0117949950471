/** The REST interface of the knowledge graph (docs/console.md). */
import type { Json, Lang } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { CHANGES, RestError, items, localised, request, send } from '../../shared/rest';
import type { Localised } from '../../shared/rest';
import { isKind, readGraph } from './model';
import type { Graph, Kind } from './model';
import { readOperations } from './operations';
import type { Operation, Path } from './operations';
import { readProblems } from './problems';
import type { Problem } from './problems';

const word = (raw: Json, name: string): string => text(raw[name]) ?? '';
const count = (raw: Json, name: string): number => number(raw[name]) ?? 0;
const record = (raw: unknown): Json => (isRecord(raw) ? raw : {});
const part = (value: string | number): string => encodeURIComponent(value);
const path = (raw: unknown): Path => list(raw).filter((one) => typeof one === 'string' || typeof one === 'number');

export interface Version {
  version: number;
  at: string;
  author: string;
  authorName: string;
  message: string;
  parent: number | null;
  active: boolean;
  origin: string;
  /** The version that a roll-back brought back. */
  of: number | null;
  added: number;
  removed: number;
  changed: number;
  /** Why it was published although cases failed. */
  overridden: string;
}

function readVersion(raw: unknown): Version {
  const body = record(raw);
  return {
    version: count(body, 'version'),
    at: word(body, 'at'),
    author: word(body, 'author'),
    authorName: word(body, 'author_name') || word(body, 'author'),
    message: word(body, 'message'),
    parent: number(body['parent']) ?? null,
    active: body['active'] === true,
    origin: word(body, 'origin'),
    of: number(body['of']) ?? null,
    added: count(body, 'added'),
    removed: count(body, 'removed'),
    changed: count(body, 'changed'),
    overridden: word(body, 'overridden'),
  };
}

export interface DraftCard {
  id: string;
  title: string;
  base: number;
  /** A newer version than `base` is in service. */
  moved: boolean;
  revision: number;
  author: string;
  authorName: string;
  at: string;
  updated: string;
  changed: number;
}

function readCard(raw: unknown): DraftCard {
  const body = record(raw);
  return {
    id: text(body['id']) ?? number(body['id'])?.toString() ?? '',
    title: word(body, 'title'),
    base: count(body, 'base'),
    moved: body['moved'] === true,
    revision: count(body, 'revision'),
    author: word(body, 'author'),
    authorName: word(body, 'author_name') || word(body, 'author'),
    at: word(body, 'at'),
    updated: word(body, 'updated'),
    changed: count(body, 'changed'),
  };
}

export interface Draft extends DraftCard {
  graph: Graph;
  problems: Problem[];
}

const readDraft = (raw: unknown): Draft => ({ ...readCard(raw), graph: readGraph(record(raw)['graph']), problems: readProblems(record(raw)['problems']) });

export interface Overview {
  active: Version;
  versions: number;
  drafts: DraftCard[];
}

export async function fetchOverview(): Promise<Overview> {
  const raw = record(await request('/api/graph'));
  return { active: readVersion(raw['active']), versions: count(raw, 'versions'), drafts: list(raw['drafts']).map(readCard) };
}

export async function fetchVersions(words: string, before?: number): Promise<{ versions: Version[]; next: number | null }> {
  const query = new URLSearchParams({ ...(words ? { q: words } : {}), ...(before === undefined ? {} : { before: String(before) }) });
  const raw = await request(`/api/graph/versions?${query}`);
  return { versions: items(raw).map(readVersion), next: number(record(raw)['next']) ?? null };
}

export const fetchVersionGraph = async (version: number): Promise<Graph> => readGraph(record(await request(`/api/graph/versions/${version}`))['graph']);

export interface FieldChange {
  path: Path;
  before: unknown;
  after: unknown;
}

export interface NodeChange {
  id: string;
  kind: Kind;
  change: 'added' | 'removed' | 'changed';
  title: Localised;
  fields: FieldChange[];
}

export async function fetchDiff(from: string | number, to: string | number): Promise<NodeChange[]> {
  const raw = record(await request(`/api/graph/diff?${new URLSearchParams({ from: String(from), to: String(to) })}`));
  return list(raw['nodes']).flatMap((one) => {
    if (!isRecord(one) || !isKind(one['kind'])) return [];
    const change = one['change'];
    return [
      {
        id: word(one, 'id'),
        kind: one['kind'],
        change: change === 'added' || change === 'removed' ? change : 'changed',
        title: localised(one['title']),
        fields: list(one['fields']).flatMap((field) => (isRecord(field) ? [{ path: path(field['path']), before: field['before'], after: field['after'] }] : [])),
      },
    ];
  });
}

// ---------------------------------------------------------------------- drafts

export const openDraft = async (title: string): Promise<Draft> => readDraft(await request('/api/graph/drafts', send('POST', title ? { title } : {})));
export const fetchDraft = async (id: string): Promise<Draft> => readDraft(await request(`/api/graph/drafts/${part(id)}`));
export const deleteDraft = async (id: string): Promise<void> => {
  await request(`/api/graph/drafts/${part(id)}`, { method: 'DELETE', headers: CHANGES });
};

export interface OthersChanges {
  revision: number;
  operations: Operation[];
  by: string;
}

export type Sent = { revision: number; problems: Problem[] } | { changed: OthersChanges };

/** The code and the body of a refusal, such as `changed`; null for what is none. */
export function refusal(error: unknown): { code: string; body: Json; text: Localised } | null {
  if (!(error instanceof RestError) || !isRecord(error.body)) return null;
  // A handler of errors may put the whole under `detail`.
  const body = isRecord(error.body['detail']) ? error.body['detail'] : error.body;
  const code = text(body['code']);
  return code === undefined ? null : { code, body, text: localised(body['text'] ?? body['detail']) };
}

export async function sendOperations(id: string, revision: number, operations: readonly Operation[]): Promise<Sent> {
  try {
    const raw = record(await request(`/api/graph/drafts/${part(id)}/operations`, send('POST', { revision, operations })));
    return { revision: count(raw, 'revision'), problems: readProblems(raw['problems']) };
  } catch (error) {
    const told = refusal(error);
    if (told?.code !== 'changed') throw error;
    const others = list(told.body['operations']).filter(isRecord);
    return {
      changed: {
        revision: count(told.body, 'revision'),
        operations: others.flatMap((one) => readOperations(one['operations'])),
        by: [...new Set(others.map((one) => word(one, 'author_name') || word(one, 'author')))].join(', '),
      },
    };
  }
}

export interface FailedCase {
  id: string;
  title: string;
  text: Localised;
}

const readFailed = (raw: unknown): FailedCase[] =>
  list(raw).flatMap((one) => (isRecord(one) ? [{ id: String(one['case'] ?? ''), title: word(one, 'title'), text: localised(one['text']) }] : []));

export async function testDraft(id: string): Promise<{ passed: number; failed: FailedCase[] }> {
  const raw = record(await request(`/api/graph/drafts/${part(id)}/test`, send('POST', {})));
  return { passed: count(raw, 'passed'), failed: readFailed(raw['failed']) };
}

export const failedCases = (body: Json): FailedCase[] => readFailed(body['failed']);

export async function publish(id: string, revision: number, message: string, override: string): Promise<Version> {
  const body = { revision, message, ...(override ? { override } : {}) };
  const raw = record(await request(`/api/graph/drafts/${part(id)}/publish`, send('POST', body)));
  return isRecord(raw['version']) ? readVersion(raw['version']) : readVersion(raw);
}

export interface MergeConflict {
  node: string;
  kind: string;
  title: Localised;
  field: Path;
  base: unknown;
  theirs: unknown;
  mine: unknown;
}

export interface Choice {
  node: string;
  field: Path;
  take: 'theirs' | 'mine';
}

/** Brings a draft onto the version in service; the conflicts where it cannot be done without a choice. */
export async function mergeDraft(id: string, revision: number, choose: readonly Choice[]): Promise<Draft | MergeConflict[]> {
  try {
    return readDraft(await request(`/api/graph/drafts/${part(id)}/merge`, send('POST', { revision, ...(choose.length ? { choose } : {}) })));
  } catch (error) {
    const told = refusal(error);
    if (told?.code !== 'conflict') throw error;
    return list(told.body['conflicts']).flatMap((one) =>
      isRecord(one)
        ? [{ node: word(one, 'node'), kind: word(one, 'kind'), title: localised(one['title']), field: path(one['field']), base: one['base'], theirs: one['theirs'], mine: one['mine'] }]
        : [],
    );
  }
}

export const rollBack = async (to: number, message: string): Promise<void> => {
  await request('/api/graph/rollback', send('POST', { to, message }));
};

// ---------------------------------------------------------------------- trying it, cases

export interface TryOption {
  label: Localised;
  answer: Json;
}

export interface Trial {
  step: {
    kind: string;
    node: string;
    who: string;
    text: Localised;
    /** What is asked after a fix. */
    question: Localised;
    why: Localised;
    whyAgent: Localised;
    options: TryOption[];
  } | null;
  posterior: { fault: string; title: Localised; probability: number; before: number }[];
  trail: { kind: string; node: string; text: Localised; label: Localised }[];
  outcome: Json;
  /** The first answer that the draft no longer has a place for. */
  stale: number | null;
}

export async function tryDraft(id: string, symptom: string, answers: readonly Json[]): Promise<Trial> {
  const raw = record(await request(`/api/graph/drafts/${part(id)}/try`, send('POST', { symptom, answers })));
  const step = raw['step'];
  return {
    step: isRecord(step)
      ? {
          kind: word(step, 'kind'),
          node: word(step, 'node'),
          who: word(step, 'who'),
          text: localised(step['text']),
          question: localised(step['question']),
          why: localised(step['why']),
          whyAgent: localised(step['why_agent']),
          options: list(step['options']).flatMap((one) => (isRecord(one) && isRecord(one['answer']) ? [{ label: localised(one['label']), answer: one['answer'] }] : [])),
        }
      : null,
    posterior: list(raw['posterior']).flatMap((one) =>
      isRecord(one) ? [{ fault: word(one, 'fault'), title: localised(one['title']), probability: count(one, 'probability'), before: number(one['before']) ?? count(one, 'probability') }] : [],
    ),
    trail: list(raw['trail']).flatMap((one) => {
      const past = record(record(one)['step']);
      return [{ kind: word(past, 'kind'), node: word(past, 'node'), text: localised(past['text']), label: localised(record(one)['label']) }];
    }),
    outcome: record(raw['outcome']),
    stale: number(raw['stale']) ?? null,
  };
}

/** What a customer's own words answer at this step, read as in the chat; `compared`: by their meaning too. */
export async function readWords(id: string, symptom: string, answers: readonly Json[], words: string, language: Lang): Promise<{ answers: Json[]; labels: Localised[]; compared: boolean }> {
  const raw = record(await request(`/api/graph/drafts/${part(id)}/read`, send('POST', { symptom, answers, text: words, language })));
  const read = list(raw['answers']).map(record);
  return { answers: read.map((one) => record(one['answer'])), labels: read.map((one) => localised(one['label'])), compared: raw['compared'] !== false };
}

export interface Case {
  id: string;
  title: string;
  symptom: string;
  answers: Json[];
  expect: Json;
  author: string;
  at: string;
}

export async function fetchCases(): Promise<Case[]> {
  return items(await request('/api/graph/cases')).flatMap((raw) => {
    if (!isRecord(raw)) return [];
    return [
      {
        id: String(raw['id'] ?? ''),
        title: word(raw, 'title'),
        symptom: word(raw, 'symptom'),
        answers: list(raw['answers']).filter(isRecord),
        expect: record(raw['expect']),
        author: word(raw, 'author_name') || word(raw, 'author'),
        at: word(raw, 'at'),
      },
    ];
  });
}

export const addCase = async (title: string, symptom: string, answers: readonly Json[], expect: Json): Promise<void> => {
  await request('/api/graph/cases', send('POST', { title, symptom, answers, expect }));
};
export const deleteCase = async (id: string): Promise<void> => {
  await request(`/api/graph/cases/${part(id)}`, { method: 'DELETE', headers: CHANGES });
};

// ---------------------------------------------------------------------- analysis, priors

export interface Importance {
  fault: string;
  title: Localised;
  probability: number | null;
  birnbaum: number | null;
  fussellVesely: number | null;
  criticality: number | null;
  posterior: number | null;
}

export interface Analysis {
  probability: number | null;
  cutSets: { count: number | null; byOrder: [string, number][]; list: { faults: string[]; probability: number | null }[] };
  importance: Importance[];
  checks: { check: string; title: Localised; who: string; helps: number | null; cost: number | null }[];
  notes: Localised[];
}

export async function fetchAnalysis(of: string, symptom: string): Promise<Analysis> {
  const raw = record(await request(`/api/graph/analysis?${new URLSearchParams({ of, symptom })}`));
  const sets = record(raw['cut_sets']);
  const value = (one: Json, name: string) => number(one[name]) ?? null;
  return {
    probability: value(raw, 'probability'),
    cutSets: {
      count: value(sets, 'count'),
      byOrder: Object.entries(record(sets['by_order'])).flatMap(([order, n]) => (typeof n === 'number' ? [[order, n] as [string, number]] : [])),
      list: list(sets['list']).flatMap((one) => (isRecord(one) ? [{ faults: list(one['faults']).filter((id) => typeof id === 'string'), probability: value(one, 'probability') }] : [])),
    },
    importance: list(raw['importance']).flatMap((one) =>
      isRecord(one)
        ? [
            {
              fault: word(one, 'fault'),
              title: localised(one['title']),
              probability: value(one, 'probability'),
              birnbaum: value(one, 'birnbaum'),
              fussellVesely: value(one, 'fussell_vesely'),
              criticality: value(one, 'criticality'),
              posterior: value(one, 'posterior'),
            },
          ]
        : [],
    ),
    checks: list(raw['checks']).flatMap((one) =>
      isRecord(one) ? [{ check: word(one, 'check'), title: localised(one['title']), who: word(one, 'who'), helps: value(one, 'helps'), cost: value(one, 'cost') }] : [],
    ),
    notes: list(raw['notes']).map(localised),
  };
}

export interface Prior {
  fault: string;
  title: Localised;
  now: number;
  proposed: number;
  low: number;
  high: number;
  cases: number;
  of: number;
}

export async function fetchPriors(): Promise<{ closed: number; priors: Prior[] }> {
  const raw = record(await request('/api/graph/priors'));
  return {
    closed: count(raw, 'closed'),
    priors: items(raw).flatMap((one) =>
      isRecord(one)
        ? [
            {
              fault: word(one, 'fault'),
              title: localised(one['title']),
              now: count(one, 'now'),
              proposed: count(one, 'proposed'),
              low: count(one, 'low'),
              high: count(one, 'high'),
              cases: count(one, 'cases'),
              of: count(one, 'of'),
            },
          ]
        : [],
    ),
  };
}

export const acceptPriors = async (draft: string, revision: number, faults: readonly string[]): Promise<void> => {
  await request('/api/graph/priors/accept', send('POST', { draft, revision, faults }));
};

// ---------------------------------------------------------------------- files

export const FORMATS = ['yaml', 'json', 'graphml', 'xml', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** The format that a file's name tells. */
export function formatOf(name: string): Format | null {
  const ending = name.toLowerCase().split('.').at(-1) ?? '';
  if (ending === 'yml') return 'yaml';
  return FORMATS.find((format) => format === ending) ?? null;
}

export const exportUrl = (of: string, format: Format): string => `/api/graph/export?${new URLSearchParams({ of, format })}`;

export async function importFile(file: File, format: Format): Promise<Draft> {
  const query = new URLSearchParams({ format, title: file.name.slice(0, 80) });
  return readDraft(await request(`/api/graph/import?${query}`, { method: 'POST', headers: { ...CHANGES, 'Content-Type': 'application/octet-stream' }, body: file }));
}
