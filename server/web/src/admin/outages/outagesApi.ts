/** The REST interface for notices of known outages. */
import type { Json } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { CHANGES, items, localised, request, send } from '../../shared/rest';
import type { Localised } from '../../shared/rest';

export type State = 'present' | 'planned' | 'past';

/** What an administrator writes. Times are ISO 8601 or empty. */
export interface OutageDraft {
  title: Localised;
  text: Localised;
  everywhere: boolean;
  places: string[];
  areas: string[];
  intents: string[];
  symptoms: string[];
  products: string[];
  begins: string;
  expectedEnd: string;
}

export interface Problem {
  code: string;
  warning: boolean;
  /** The field, such as `title.zh`. */
  field: string;
  text: Localised;
}

export interface Outage extends OutageDraft {
  id: number;
  revision: number;
  state: State;
  ended: string;
  told: number;
  author: string;
  problems: Problem[];
}

/** Something that a notice can name. */
export interface Option {
  id: string;
  name: Localised;
  /** Further words for it. */
  words: string[];
}

export interface Outages {
  items: Outage[];
  places: Option[];
  intents: Option[];
  symptoms: Option[];
  products: Option[];
}

export const EMPTY: OutageDraft = {
  title: { zh: '', en: '' },
  text: { zh: '', en: '' },
  everywhere: false,
  places: [],
  areas: [],
  intents: [],
  symptoms: [],
  products: [],
  begins: '',
  expectedEnd: '',
};

const strings = (value: unknown): string[] => list(value).filter((one) => typeof one === 'string');
const CHINESE = /\p{Script=Han}/u;

function readProblems(raw: unknown): Problem[] {
  return list(raw)
    .filter(isRecord)
    .map((one) => ({
      code: text(one['code']) ?? '',
      warning: one['severity'] === 'warning',
      field: strings(one['field']).join('.'),
      text: localised(one['text']),
    }));
}

function readOutage(raw: unknown): Outage[] {
  const id = isRecord(raw) ? number(raw['id']) : undefined;
  if (!isRecord(raw) || id === undefined) return [];
  const word = (name: string) => text(raw[name]) ?? '';
  const state = word('state');
  return [
    {
      id,
      revision: number(raw['revision']) ?? 0,
      state: state === 'planned' || state === 'past' ? state : 'present',
      title: localised(raw['title']),
      text: localised(raw['text']),
      everywhere: raw['everywhere'] === true,
      places: strings(raw['places']),
      areas: strings(raw['areas']),
      intents: strings(raw['intents']),
      symptoms: strings(raw['symptoms']),
      products: strings(raw['products']),
      begins: word('begins'),
      expectedEnd: word('expected_end'),
      ended: word('ended'),
      told: number(raw['told']) ?? 0,
      author: word('author_name'),
      problems: readProblems(raw['problems']),
    },
  ];
}

/** A place is called by its first Chinese and its first other name. */
function readPlace(raw: unknown): Option[] {
  const id = isRecord(raw) ? text(raw['value']) : undefined;
  if (!isRecord(raw) || id === undefined) return [];
  const words = strings(raw['names']);
  const zh = words.find((one) => CHINESE.test(one)) ?? id;
  return [{ id, name: { zh, en: words.find((one) => !CHINESE.test(one)) ?? zh }, words }];
}

function readOption(raw: unknown): Option[] {
  const id = isRecord(raw) ? text(raw['id']) : undefined;
  if (!isRecord(raw) || id === undefined) return [];
  const name = localised(raw['name']);
  return [{ id, name: { zh: name.zh || id, en: name.en || id }, words: [] }];
}

export async function fetchOutages(): Promise<Outages> {
  const raw = await request('/api/outages');
  const body: Json = isRecord(raw) ? raw : {};
  const options = (name: string) => list(body[name]).flatMap(readOption);
  return {
    items: items(raw).flatMap(readOutage),
    places: list(body['places']).flatMap(readPlace),
    intents: options('intents'),
    symptoms: options('symptoms'),
    products: options('products'),
  };
}

const bodyOf = ({ title, text: words, everywhere, places, areas, intents, symptoms, products, begins, expectedEnd }: OutageDraft) => ({
  title,
  text: words,
  everywhere,
  places,
  areas,
  intents,
  symptoms,
  products,
  begins: begins || null,
  expected_end: expectedEnd || null,
});

export async function checkOutage(draft: OutageDraft): Promise<Problem[]> {
  const raw = await request('/api/outages/check', send('POST', bodyOf(draft)));
  return isRecord(raw) ? readProblems(raw['problems']) : [];
}

export const addOutage = async (draft: OutageDraft): Promise<void> => {
  await request('/api/outages', send('POST', bodyOf(draft)));
};

export const changeOutage = async (id: number, revision: number, draft: OutageDraft): Promise<void> => {
  await request(`/api/outages/${id}`, send('PUT', { revision, outage: bodyOf(draft) }));
};

export const endOutage = async ({ id, revision }: Outage): Promise<void> => {
  await request(`/api/outages/${id}/end`, send('POST', { revision }));
};

export const removeOutage = async ({ id, revision }: Outage): Promise<void> => {
  await request(`/api/outages/${id}?revision=${revision}`, { method: 'DELETE', headers: CHANGES });
};
