/** The report of a diagnosis that comes with a hand-over (`escalate.context.diagnosis`), read tolerantly; pure. */
import { isRecord, list, number, text } from '../shared/frames';

export interface Finding {
  what: string;
  /** What came of it, in the words of the tree. */
  outcome: string;
  /** Looked up in the account, not asked. */
  bySystem: boolean;
}

export interface Hypothesis {
  id: string;
  fault: string;
  /** 0 to 1, given everything found so far. */
  probability: number;
  /** The part that it is a fault of; empty where the tree names none. */
  component: string;
}

export interface Diagnosis {
  symptom: string;
  checks: Finding[];
  fixes: Finding[];
  hypotheses: Hypothesis[];
  next: string;
  team: string;
}

function outcomeOf(value: unknown): string {
  if (!isRecord(value)) return text(value) ?? '';
  const parts = Object.entries(value).map(([name, label]) => [name, text(label) ?? ''] as const);
  return parts.length === 1 ? (parts[0]?.[1] ?? '') : parts.map(([name, label]) => `${name}: ${label}`).join('; ');
}

const finding = (raw: unknown, name: 'check' | 'fix'): Finding[] => {
  const what = isRecord(raw) ? (text(raw[name]) ?? text(raw['id'])) : undefined;
  return isRecord(raw) && what !== undefined ? [{ what, outcome: outcomeOf(raw['outcome']), bySystem: raw['by'] === 'system' }] : [];
};

/** Null where there is no report: another shape is the state of the engine, which the slots show. */
export function readDiagnosis(value: unknown): Diagnosis | null {
  const symptom = isRecord(value) ? text(value['symptom']) : undefined;
  if (!isRecord(value) || symptom === undefined) return null;
  return {
    symptom,
    checks: list(value['checks']).flatMap((raw) => finding(raw, 'check')),
    fixes: list(value['fixes']).flatMap((raw) => finding(raw, 'fix')),
    hypotheses: list(value['hypotheses'])
      .flatMap((raw) => {
        const probability = isRecord(raw) ? number(raw['probability']) : undefined;
        const fault = isRecord(raw) ? (text(raw['fault']) ?? text(raw['id'])) : undefined;
        return isRecord(raw) && probability !== undefined && fault !== undefined
          ? [{ id: text(raw['id']) ?? fault, fault, probability: Math.min(1, Math.max(0, probability)), component: text(raw['component']) ?? '' }]
          : [];
      })
      .sort((a, b) => b.probability - a.probability),
    next: text(value['next']) ?? '',
    team: text(value['team']) ?? '',
  };
}

export interface Component {
  name: string;
  faults: Hypothesis[];
}

/**
 * The likeliest faults by the part that they belong to, the part with the likeliest one first. Several faults may be there
 * at once, so their probabilities do not add up to the part's.
 */
export function byComponent(hypotheses: readonly Hypothesis[], most: number): Component[] {
  const groups = new Map<string, Component>();
  for (const one of hypotheses.slice(0, most)) {
    const group = groups.get(one.component) ?? { name: one.component, faults: [] };
    group.faults.push(one);
    groups.set(one.component, group);
  }
  return [...groups.values()];
}
