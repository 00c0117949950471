/** The REST interface for proposals that a language model draws from manuals and tickets. */
import type { Json } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { CHANGES, items, localised, request, send } from '../../shared/rest';
import type { Localised } from '../../shared/rest';

export interface Run {
  id: number;
  title: string;
  source: string;
  pieces: number;
  done: number;
  state: string;
  failure: string;
  /** Why words of the model were thrown away, and how often. */
  thrown: Record<string, number>;
  open: number;
  author: string;
  at: string;
}

export interface Proposal {
  id: number;
  kind: 'fault' | 'check' | 'fix';
  node: string;
  about: string;
  name: Localised;
  /** What is asked or told to do; empty for a fault. */
  words: Localised;
  source: string;
  state: string;
  by: string;
}

export interface Ticket {
  conversation: string;
  ended: string;
  outcome: string;
  summary: string;
}

export interface DraftHead {
  id: string;
  title: string;
  revision: number;
}

const records = (raw: unknown): Json[] => items(raw).filter(isRecord);

export async function fetchRuns(): Promise<{ configured: boolean; runs: Run[] }> {
  const raw = await request('/api/proposals');
  const runs = records(raw).map((one) => ({
    id: number(one['id']) ?? 0,
    title: text(one['title']) ?? '',
    source: text(one['source']) ?? '',
    pieces: number(one['pieces']) ?? 0,
    done: number(one['done']) ?? 0,
    state: text(one['state']) ?? '',
    failure: text(one['failure']) ?? '',
    thrown: isRecord(one['thrown']) ? Object.fromEntries(Object.entries(one['thrown']).map(([why, count]) => [why, number(count) ?? 0])) : {},
    open: number(one['open']) ?? 0,
    author: text(one['author_name']) ?? '',
    at: text(one['at']) ?? '',
  }));
  return { configured: isRecord(raw) && raw['configured'] === true, runs };
}

export async function fetchProposals(run: number): Promise<Proposal[]> {
  return records(await request(`/api/proposals/runs/${run}`)).map((one) => {
    const data = isRecord(one['data']) ? one['data'] : {};
    const kind = text(one['kind']);
    const words = list(data['ask'])[0] ?? list(data['do'])[0];
    return {
      id: number(one['id']) ?? 0,
      kind: kind === 'check' || kind === 'fix' ? kind : 'fault',
      node: text(one['node']) ?? '',
      about: text(one['about']) ?? '',
      name: localised(data['name']),
      words: localised(words),
      source: text(one['source']) ?? '',
      state: text(one['state']) ?? '',
      by: text(one['by_name']) ?? '',
    };
  });
}

export async function fetchTickets(): Promise<Ticket[]> {
  return records(await request('/api/proposals/tickets')).map((one) => ({
    conversation: text(one['conversation']) ?? '',
    ended: text(one['ended']) ?? '',
    outcome: text(one['outcome']) ?? '',
    summary: text(one['summary']) ?? '',
  }));
}

/** The drafts that can take a proposal, and the symptoms that a fault can be a cause of. */
export async function fetchPlaces(): Promise<{ drafts: DraftHead[]; symptoms: { id: string; name: Localised }[] }> {
  const [graph, known] = await Promise.all([request('/api/graph'), request('/api/outages')]);
  const heads = isRecord(graph) ? list(graph['drafts']).filter(isRecord) : [];
  const symptoms = isRecord(known) ? list(known['symptoms']).filter(isRecord) : [];
  return {
    drafts: heads.map((one) => ({ id: text(one['id']) ?? '', title: text(one['title']) ?? '', revision: number(one['revision']) ?? 0 })),
    symptoms: symptoms.map((one) => ({ id: text(one['id']) ?? '', name: localised(one['name']) })),
  };
}

export async function beginDraft(title: string): Promise<DraftHead> {
  const raw = await request('/api/graph/drafts', send('POST', { title }));
  const body: Json = isRecord(raw) ? raw : {};
  return { id: text(body['id']) ?? '', title, revision: number(body['revision']) ?? 0 };
}

export const readManual = async (title: string, words: string): Promise<void> => {
  await request('/api/proposals/manuals', send('POST', { title, text: words }));
};

export const readTickets = async (title: string, tickets: string[]): Promise<void> => {
  await request('/api/proposals/tickets', send('POST', { title, tickets }));
};

export const moveRun = async (run: number, what: 'stop' | 'resume'): Promise<void> => {
  await request(`/api/proposals/runs/${run}/${what}`, { method: 'POST', headers: CHANGES });
};

/** Puts a proposal into a draft; gives the draft's next revision. */
export async function accept(proposal: number, draft: DraftHead, symptom: string): Promise<number> {
  const raw = await request(`/api/proposals/${proposal}/accept`, send('POST', { draft: draft.id, revision: draft.revision, symptom }));
  return (isRecord(raw) ? number(raw['revision']) : undefined) ?? draft.revision;
}

export const refuse = async (proposal: number): Promise<void> => {
  await request(`/api/proposals/${proposal}/refuse`, { method: 'POST', headers: CHANGES });
};
