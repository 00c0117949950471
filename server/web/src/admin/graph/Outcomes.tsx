/** What a check can show: its outcomes, what each means, and how reliable the answers are. */
import { useState } from 'preact/hooks';
import type { Json } from '../../shared/frames';
import { isRecord, number, text } from '../../shared/frames';
import { useShell } from '../shell';
import { FormulaInput, Help, NumberInput, PhraseLists, TextPair } from './inputs';
import type { Control } from './inputs';
import { USUAL_RELIABILITY, outcomesOf, reliability, withFacet, withOutcomes } from './kinds';
import { facetsOf } from './model';
import type { GraphNode } from './model';

type OutcomesProps = Pick<Control, 'nodes' | 'set' | 'go'> & { node: GraphNode };

export function Outcomes({ node, nodes, set, go }: OutcomesProps) {
  const { t, lang } = useShell();
  const facets = facetsOf(node);
  // Its name would change under whoever speaks of it.
  const spokenOf = [...nodes.values()].some((other) => isRecord(other.data['implies']) && other.data['implies'][node.id] !== undefined);
  const add = () => {
    for (const [path, value] of withFacet(node.data)) set(path, value);
  };
  return (
    <div class="stack">
      {facets.map(({ id, path, facet }) => (
        <div class="stack" key={id}>
          {path.length > 0 && (
            <>
              <h4>{t('facet', { name: (isRecord(facet['facet_name']) && text(facet['facet_name'][lang])) || String(path.at(-1)) })}</h4>
              <TextPair label={t('facetName')} value={facet['facet_name']} path={[...path, 'facet_name']} nodes={nodes} set={set} go={go} />
            </>
          )}
          {path.length > 0 && facets.length > 1 && (
            <button type="button" class="text-button" onClick={() => set(path, null)}>
              {t('facetRemove')}
            </button>
          )}
          <Facet facet={facet} path={path} system={node.data['who'] === 'system'} nodes={nodes} set={set} go={go} />
        </div>
      ))}
      <button type="button" class="text-button" disabled={spokenOf} onClick={add}>
        {t('facetAdd')}
      </button>
      <Help>{t(spokenOf ? 'facetSpokenOf' : 'facetAddHelp')}</Help>
    </div>
  );
}

interface FacetProps extends Omit<OutcomesProps, 'node'> {
  facet: Json;
  path: readonly string[];
  system: boolean;
}

function Facet({ facet, path, system, nodes, set, go }: FacetProps) {
  const { t, lang } = useShell();
  const outcomes = outcomesOf(facet);
  const keys = Object.keys(outcomes);
  const right = reliability(facet);
  const usual = right ?? USUAL_RELIABILITY;

  /** Other outcomes, or another reliability, change what follows from them: the fields are set together. */
  const replace = (next: Readonly<Record<string, Json>>, value: number) => {
    const made = withOutcomes(facet, next, value);
    set([...path, 'outcomes'], made['outcomes']);
    set([...path, 'reliability'], made['reliability']);
    for (const gone of ['sensitivity', 'specificity']) if (facet[gone] !== undefined) set([...path, gone], null);
  };
  const add = () => {
    let n = keys.length + 1;
    while (outcomes[`outcome_${n}`]) n += 1;
    const rest = keys.some((key) => outcomes[key]?.['when'] === undefined);
    replace({ ...outcomes, [`outcome_${n}`]: { label: { zh: '', en: '' }, ...(rest ? { when: '' } : {}) } }, usual);
  };
  const makeNormal = (key: string) =>
    replace(
      Object.fromEntries(
        keys.map((other) => {
          const { when, ...outcome } = outcomes[other] ?? {};
          return [other, other === key ? outcome : { ...outcome, when: when ?? '' }];
        }),
      ),
      usual,
    );

  return (
    <>
      {keys.map((key) => {
        const outcome = outcomes[key] ?? {};
        const own = [...path, 'outcomes', key];
        const label = outcome['label'];
        const name = (isRecord(label) && text(label[lang])) || key;
        const normal = outcome['when'] === undefined || outcome['when'] === null;
        return (
          <fieldset class="outcome" key={key}>
            <legend>
              {name} <code>{key}</code>
            </legend>
            <TextPair label={t('outcomeLabel')} value={label} path={[...own, 'label']} nodes={nodes} set={set} go={go} />
            <label class="check-line">
              <input type="radio" name={`normal-${path.join('.')}`} checked={normal} onChange={() => makeNormal(key)} />
              {t('outcomeNormal')}
            </label>
            {!normal && (
              <div class="sub-field">
                <span class="sub-label">{t('outcomeWhen')}</span>
                <FormulaInput label={t('outcomeWhen')} value={outcome['when']} path={[...own, 'when']} nodes={nodes} set={set} go={go} />
              </div>
            )}
            <details>
              <summary>{t('outcomeMore')}</summary>
              <div class="stack">
                <span class="sub-label">{t('outcomeSays')}</span>
                <PhraseLists label={t('outcomeSays')} value={outcome['says']} path={[...own, 'says']} nodes={nodes} set={set} go={go} />
                {system && <Match value={outcome['match']} onSet={(match) => set([...own, 'match'], match)} />}
                <label class="check-line">
                  <input type="checkbox" checked={outcome['safety'] === true} onChange={(event) => set([...own, 'safety'], event.currentTarget.checked ? true : null)} />
                  {t('outcomeSafety')}
                </label>
                {keys.length > 2 && (
                  <button type="button" class="text-button" onClick={() => replace(Object.fromEntries(keys.filter((other) => other !== key).map((other) => [other, outcomes[other] ?? {}])), usual)}>
                    {t('outcomeRemove')}
                  </button>
                )}
              </div>
            </details>
          </fieldset>
        );
      })}
      <button type="button" class="text-button" onClick={add}>
        {t('outcomeAdd')}
      </button>
      <div class="sub-field">
        <span class="sub-label">{t('reliability')}</span>
        {right === null ? (
          <>
            <Help>{t('reliabilitySingle')}</Help>
            <Matrix outcomes={outcomes} path={path} set={set} />
            <button type="button" class="text-button" onClick={() => replace(outcomes, USUAL_RELIABILITY)}>
              {t('reliabilityOne')}
            </button>
          </>
        ) : (
          <>
            <NumberInput label={t('reliability')} value={right} path={[...path, 'reliability']} nodes={nodes} set={(_, value) => typeof value === 'number' && replace(outcomes, value)} go={go} percent most={100} />
            <Help>{t('reliabilityHelp')}</Help>
          </>
        )}
      </div>
    </>
  );
}

/** P(answer | what is true): a row for what is true. */
function Matrix({ outcomes, path, set }: { outcomes: Readonly<Record<string, Json>>; path: readonly string[]; set: Control['set'] }) {
  const { t, lang } = useShell();
  const keys = Object.keys(outcomes);
  const name = (key: string) => {
    const label = outcomes[key]?.['label'];
    return (isRecord(label) && text(label[lang])) || key;
  };
  return (
    <div class="scroll-x">
      <table class="matrix">
        <thead>
          <tr>
            <th scope="col">{t('matrixTrue')}</th>
            {keys.map((key) => (
              <th scope="col" key={key}>
                {name(key)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => {
            const given: Json = isRecord(outcomes[key]?.['given']) ? (outcomes[key]?.['given'] as Json) : {};
            return (
              <tr key={key}>
                <th scope="row">{name(key)}</th>
                {keys.map((other) => (
                  <td key={other}>
                    <input
                      inputmode="decimal"
                      aria-label={`${name(key)}: ${name(other)}`}
                      value={String(number(given[other]) ?? '')}
                      onChange={(event) => {
                        const value = Number(event.currentTarget.value);
                        if (value >= 0 && value <= 1) set([...path, 'outcomes', key, 'given'], { ...given, [other]: value });
                      }}
                    />
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** The facts of a system that mean an outcome: JSON, as in the files. */
function Match({ value, onSet }: { value: unknown; onSet(value: unknown): void }) {
  const { t } = useShell();
  const [typed, setTyped] = useState<string | null>(null);
  const read = (words: string): unknown => {
    if (!words.trim()) return null;
    try {
      const found: unknown = JSON.parse(words);
      return isRecord(found) ? found : undefined;
    } catch {
      return undefined;
    }
  };
  return (
    <label class="sub-field">
      <span class="sub-label">{t('outcomeMatch')}</span>
      <textarea
        class="code-like"
        rows={2}
        spellcheck={false}
        value={typed ?? (isRecord(value) ? JSON.stringify(value) : '')}
        aria-invalid={typed !== null && read(typed) === undefined}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          const found = read(event.currentTarget.value);
          if (found !== undefined) onSet(found);
        }}
        onBlur={() => setTyped(null)}
      />
      <Help>{t('outcomeMatchHelp', { example: '{"state": "suspended"}' })}</Help>
    </label>
  );
}
