/** What is wrong with a draft, as the server says it. */
import { isRecord, list, text } from '../../shared/frames';
import { localised } from '../../shared/rest';
import type { Localised } from '../../shared/rest';
import type { Path } from './operations';

export interface Problem {
  code: string;
  severity: 'error' | 'warning';
  /** Empty where it is about the whole graph. */
  node: string;
  field: Path;
  text: Localised;
}

export function readProblems(raw: unknown): Problem[] {
  return list(raw).flatMap((one): Problem[] => {
    if (!isRecord(one)) return [];
    return [
      {
        code: text(one['code']) ?? '',
        severity: one['severity'] === 'warning' ? ('warning' as const) : ('error' as const),
        node: text(one['node']) ?? '',
        field: list(one['field']).filter((part) => typeof part === 'string' || typeof part === 'number'),
        // Of a file that cannot be read there is only what is wrong with it.
        text: localised(one['text'] ?? one['detail']),
      },
    ];
  });
}

/** The problems at a field or inside it. */
export const problemsAt = (problems: readonly Problem[], path: Path): Problem[] =>
  problems.filter(({ field }) => path.every((part, at) => String(field[at]) === String(part)));

/** Those of a node that no field of its form shows: they stand at its top. */
export const problemsOf = (problems: readonly Problem[], node: string): Problem[] => problems.filter((problem) => problem.node === node);
