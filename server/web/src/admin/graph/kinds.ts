/** What each kind of node has: the one description from which forms, help and new nodes are made. */
import type { Json } from '../../shared/frames';
import { isRecord, number } from '../../shared/frames';
import type { GraphNode, Kind } from './model';

export type FieldType =
  | { type: 'text'; long?: boolean }
  /** Several wordings of one text, at least `least`. */
  | { type: 'texts'; least: number }
  /** What customers say, a list for each language. */
  | { type: 'phrases' }
  | { type: 'formula' }
  | { type: 'probability' }
  | { type: 'number'; unit?: string }
  /** `usually` is what holds where the field is not set. */
  | { type: 'flag'; usually: boolean }
  | { type: 'choice'; options: readonly string[] }
  | { type: 'node'; kinds: readonly Kind[] }
  | { type: 'nodes'; kinds: readonly Kind[] }
  /** Faults with the probability that the fix removes each. */
  | { type: 'repairs' }
  | { type: 'outcomes' }
  /** Outcomes of checks that the complaint itself tells. */
  | { type: 'implies' }
  | { type: 'word' };

export interface Field {
  key: string;
  shape: FieldType;
  required?: boolean;
  /** Shown only after "more". */
  rare?: boolean;
  /** Shown only where this holds. */
  when?(data: Json): boolean;
}

const NAME: Field = { key: 'name', shape: { type: 'text' }, required: true };
const DOCUMENT: Field = { key: 'document', shape: { type: 'node', kinds: ['document'] }, rare: true };
const SKILL: Field = { key: 'skill', shape: { type: 'node', kinds: ['skill'] } };
const EXPLAIN: Field = { key: 'explain', shape: { type: 'text', long: true }, rare: true };
const STEP: Field = { key: 'step', shape: { type: 'word' }, rare: true };
const COST: Field = { key: 'cost', shape: { type: 'number' } };
const asks = (data: Json) => data['confirm'] === true || data['reversible'] === false || data['safe'] === false;

export const FIELDS: Readonly<Record<Kind, readonly Field[]>> = {
  symptom: [
    NAME,
    { key: 'caused_by', shape: { type: 'formula' }, required: true },
    { key: 'phrases', shape: { type: 'phrases' } },
    { key: 'works', shape: { type: 'texts', least: 1 }, required: true },
    { key: 'product', shape: { type: 'node', kinds: ['product'] } },
    SKILL,
    { key: 'leak', shape: { type: 'probability' } },
    { key: 'retest', shape: { type: 'node', kinds: ['check'] }, rare: true },
    { key: 'implies', shape: { type: 'implies' }, rare: true },
    { key: 'safety', shape: { type: 'flag', usually: false }, rare: true },
    { key: 'advice', shape: { type: 'text', long: true }, rare: true },
    DOCUMENT,
  ],
  gate: [NAME, { key: 'formula', shape: { type: 'formula' }, required: true }],
  fault: [
    NAME,
    { key: 'prior', shape: { type: 'probability' }, required: true },
    { key: 'component', shape: { type: 'node', kinds: ['component'] } },
    { key: 'handoff', shape: { type: 'choice', options: ['', 'policy', 'safety', 'diagnosis_exhausted'] } },
    { key: 'advice', shape: { type: 'text', long: true } },
    SKILL,
    { key: 'condition', shape: { type: 'flag', usually: false }, rare: true },
    DOCUMENT,
  ],
  check: [
    NAME,
    { key: 'who', shape: { type: 'choice', options: ['customer', 'system'] }, required: true },
    { key: 'ask', shape: { type: 'texts', least: 2 }, required: true, when: (data) => data['who'] !== 'system' },
    { key: 'outcomes', shape: { type: 'outcomes' }, required: true },
    COST,
    EXPLAIN,
    STEP,
    DOCUMENT,
  ],
  fix: [
    NAME,
    { key: 'who', shape: { type: 'choice', options: ['customer', 'system', 'technician'] }, required: true },
    { key: 'do', shape: { type: 'texts', least: 2 }, required: true },
    { key: 'repairs', shape: { type: 'repairs' }, required: true },
    COST,
    { key: 'confirm', shape: { type: 'flag', usually: false } },
    { key: 'ask', shape: { type: 'text', long: true }, when: asks },
    { key: 'reversible', shape: { type: 'flag', usually: true } },
    { key: 'safe', shape: { type: 'flag', usually: true } },
    { key: 'blind', shape: { type: 'flag', usually: true }, rare: true },
    { key: 'then', shape: { type: 'nodes', kinds: ['fix'] }, rare: true },
    { key: 'instead_of', shape: { type: 'node', kinds: ['fix'] }, rare: true },
    EXPLAIN,
    STEP,
    DOCUMENT,
  ],
  product: [NAME],
  component: [NAME, { key: 'product', shape: { type: 'node', kinds: ['product'] } }],
  skill: [NAME],
  document: [
    { key: 'title', shape: { type: 'text' }, required: true },
    { key: 'article', shape: { type: 'word' } },
  ],
};

const words = () => ({ zh: '', en: '' });

/** What a new node begins with; `about` is the node that it is added to. */
export function beginning(kind: Kind, name: { zh: string; en: string }, about: GraphNode | null): Json {
  const cause = about && (about.kind === 'fault' || about.kind === 'gate') ? about.id : '';
  switch (kind) {
    case 'symptom':
      return { name, caused_by: cause, works: [{ zh: '现在好了吗？', en: 'Is it working now?' }], leak: 0.03 };
    case 'gate':
      return { name, formula: cause };
    case 'fault':
      return { name, prior: 0.02 };
    case 'check':
      return {
        name,
        who: 'customer',
        ask: [words(), words()],
        outcomes: { yes: { label: { zh: '是', en: 'Yes' }, when: cause }, no: { label: { zh: '不是', en: 'No' } } },
        reliability: USUAL_RELIABILITY,
      };
    case 'fix':
      return { name, who: 'customer', do: [words(), words()], repairs: about?.kind === 'fault' ? { [about.id]: 0.9 } : {}, cost: 1 };
    case 'component':
      return { name, ...(about?.kind === 'product' ? { product: about.id } : {}) };
    case 'document':
      return { title: name };
    default:
      return { name };
  }
}

/** What can be added to a node so that it is linked at once. */
export const ADDITIONS: Readonly<Record<Kind, readonly Kind[]>> = {
  symptom: ['fault', 'gate'],
  gate: ['fault', 'gate'],
  fault: ['check', 'fix'],
  check: ['fault'],
  fix: ['fault'],
  product: ['component', 'symptom'],
  component: ['fault'],
  skill: [],
  document: [],
};

// ---------------------------------------------------------------------- what the outcomes of a check tell

export const USUAL_RELIABILITY = 0.97;
const CLOSE = 1e-6;

export const outcomesOf = (facet: Json): Readonly<Record<string, Json>> => {
  const raw = facet['outcomes'];
  return isRecord(raw) ? Object.fromEntries(Object.entries(raw).filter((entry): entry is [string, Json] => isRecord(entry[1]))) : {};
};

/**
 * How often a facet's answers are true, where one number says it: the same for every outcome, mistakes spread evenly.
 * Null where the probabilities of the outcomes (`given`) say more than that.
 */
export function reliability(facet: Json): number | null {
  const outcomes = outcomesOf(facet);
  const keys = Object.keys(outcomes);
  if (!keys.some((key) => isRecord(outcomes[key]?.['given']))) {
    if (facet['sensitivity'] !== undefined || facet['specificity'] !== undefined) return null;
    return number(facet['reliability']) ?? USUAL_RELIABILITY;
  }
  let right: number | null = null;
  for (const key of keys) {
    const given = outcomes[key]?.['given'];
    if (!isRecord(given)) return null;
    const own = number(given[key]) ?? 0;
    right ??= own;
    if (Math.abs(own - right) > CLOSE) return null;
    const rest = (1 - own) / (keys.length - 1);
    if (keys.some((other) => other !== key && Math.abs((number(given[other]) ?? 0) - rest) > CLOSE)) return null;
  }
  return right;
}

/** A facet with other outcomes, or another reliability: the single probabilities follow from that one number. */
export function withOutcomes(facet: Json, outcomes: Readonly<Record<string, Json>>, right: number): Json {
  const { sensitivity: _one, specificity: _other, ...rest } = facet;
  const bare = Object.fromEntries(
    Object.entries(outcomes).map(([key, { given: _given, ...outcome }]) => [key, outcome]),
  );
  return { ...rest, outcomes: bare, reliability: right };
}


const OF_FACETS = ['outcomes', 'reliability', 'sensitivity', 'specificity', 'facet_name'] as const;

/** What sets one more aspect in a check: fields with their new values. The first one moves beside it where it was alone. */
export function withFacet(check: Json): [path: readonly string[], value: unknown][] {
  const blank = { zh: '', en: '' };
  const fresh = withOutcomes({ facet_name: blank }, { outcome_1: { label: blank, when: '' }, outcome_2: { label: blank } }, USUAL_RELIABILITY);
  const facets = check['facets'];
  if (isRecord(facets)) {
    let n = Object.keys(facets).length + 1;
    while (facets[`aspect_${n}`] !== undefined) n += 1;
    return [[['facets', `aspect_${n}`], fresh]];
  }
  const own = OF_FACETS.filter((field) => check[field] !== undefined);
  const first = { facet_name: blank, ...Object.fromEntries(own.map((field) => [field, check[field]])) };
  return [[['facets'], { aspect_1: first, aspect_2: fresh }], ...own.map((field): [string[], unknown] => [[field], null])];
}
