/** Fault-tree analysis: which faults weigh most, which combinations suffice, which check helps most. */
import { useState } from 'preact/hooks';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { fetchAnalysis, fetchOverview, fetchVersionGraph } from './graphApi';
import type { Analysis, Importance } from './graphApi';
import { called, titleOf } from './model';
import type { Nodes } from './model';

export const MEASURES = ['posterior', 'birnbaum', 'fussellVesely', 'criticality', 'probability'] as const;
type Measure = (typeof MEASURES)[number];
const PLOTTED = 12;
const LISTED = 30;

/** The faults by one measure, those without it last. */
export const ranked = (importance: readonly Importance[], by: Measure): Importance[] => [...importance].sort((a, b) => (b[by] ?? -1) - (a[by] ?? -1));

export const shown = (value: number | null): string =>
  value === null ? '–' : value === 0 ? '0' : value < 0.001 ? value.toExponential(1) : value >= 0.1 ? value.toFixed(3) : value.toPrecision(3);

export function AnalysisPage() {
  const { t, lang } = useShell();
  const [source, setSource] = useState('active');
  const [symptom, setSymptom] = useState('');
  const overview = useLoad(async () => {
    const found = await fetchOverview();
    return { ...found, nodes: (await fetchVersionGraph(found.active.version)).nodes };
  }, []);
  return (
    <>
      <div class="page-head">
        <h2>{t('page_analysis')}</h2>
        <p>{t('analysisAbout')}</p>
      </div>
      <Waiting of={overview}>
        {({ active, drafts, nodes }) => {
          const symptoms = [...nodes.values()].filter((node) => node.kind === 'symptom');
          const chosen = symptom || (symptoms[0]?.id ?? '');
          return (
            <>
              <div class="filters two">
                <label class="field">
                  {t('trySymptom')}
                  <select value={chosen} onChange={(event) => setSymptom(event.currentTarget.value)}>
                    {symptoms.map((node) => (
                      <option key={node.id} value={node.id}>
                        {titleOf(node)[lang]}
                      </option>
                    ))}
                  </select>
                </label>
                <label class="field">
                  {t('analysisOf')}
                  <select value={source} onChange={(event) => setSource(event.currentTarget.value)}>
                    <option value="active">{t('versionActive', { n: active.version })}</option>
                    {drafts.map((draft) => (
                      <option key={draft.id} value={`draft:${draft.id}`}>
                        {draft.title || t('draftOf', { name: draft.authorName })}
                      </option>
                    ))}
                  </select>
                </label>
              </div>
              {chosen && <Results key={`${source} ${chosen}`} of={source} symptom={chosen} nodes={nodes} />}
            </>
          );
        }}
      </Waiting>
    </>
  );
}

function Results({ of, symptom, nodes }: { of: string; symptom: string; nodes: Nodes }) {
  const { t, lang } = useShell();
  const analysis = useLoad(() => fetchAnalysis(of, symptom), [of, symptom]);
  const [by, setBy] = useState<Measure>('posterior');
  return (
    <Waiting of={analysis}>
      {(found) => (
        <>
          <p class="analysis-head">
            {t('analysisProbability')} <strong>{shown(found.probability)}</strong> · {t('cutSetCount')} <strong>{found.cutSets.count ?? '–'}</strong>
            {found.cutSets.byOrder.length > 0 && <span class="faint"> ({found.cutSets.byOrder.map(([order, n]) => t('ofOrder', { order, n })).join(' · ')})</span>}
          </p>
          {found.notes.map((note, at) => (
            <p class="faint" key={at}>
              {note[lang]}
            </p>
          ))}
          <section class="card">
            <h3>
              {t('importance')}
              <label>
                <span class="hidden">{t('sortBy')}</span>
                <select value={by} onChange={(event) => setBy(event.currentTarget.value as Measure)}>
                  {MEASURES.map((measure) => (
                    <option key={measure} value={measure}>
                      {t(`measure_${measure}`)}
                    </option>
                  ))}
                </select>
              </label>
            </h3>
            <p class="faint">{t(`measure_about_${by}`)}</p>
            <Plot rows={ranked(found.importance, by).slice(0, PLOTTED).map((one) => ({ id: one.fault, name: one.title[lang] || one.fault, value: one[by] ?? 0 }))} label={t('importance')} />
            <ImportanceTable importance={ranked(found.importance, by)} by={by} />
          </section>
          <Checks analysis={found} />
          <CutSets analysis={found} nodes={nodes} />
        </>
      )}
    </Waiting>
  );
}

/** Horizontal bars; the table beside it says the same in numbers. */
function Plot({ rows, label }: { rows: readonly { id: string; name: string; value: number }[]; label: string }) {
  const most = Math.max(...rows.map((row) => row.value), Number.MIN_VALUE);
  return (
    <div class="plot" role="img" aria-label={`${label}: ${rows.slice(0, 3).map((row) => `${row.name} ${shown(row.value)}`).join(', ')}`}>
      {rows.map((row) => (
        <div class="plot-row" key={row.id}>
          <span class="plot-name">{row.name}</span>
          <span class="plot-ground">
            <span class="plot-bar" style={{ width: `${Math.max(0.5, (100 * row.value) / most)}%` }} />
          </span>
          <span class="plot-value">{shown(row.value)}</span>
        </div>
      ))}
    </div>
  );
}

function ImportanceTable({ importance, by }: { importance: readonly Importance[]; by: Measure }) {
  const { t, lang } = useShell();
  return (
    <details>
      <summary>{t('asTable', { n: importance.length })}</summary>
      <div class="scroll-x" tabIndex={0} role="group" aria-label={t('importance')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('kind_fault')}</th>
              {MEASURES.map((measure) => (
                <th scope="col" key={measure} class="number" aria-sort={measure === by ? 'descending' : undefined}>
                  {t(`measure_${measure}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {importance.map((one) => (
              <tr key={one.fault}>
                <th scope="row">{one.title[lang] || one.fault}</th>
                {MEASURES.map((measure) => (
                  <td key={measure} class="number">
                    {shown(one[measure])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Checks({ analysis }: { analysis: Analysis }) {
  const { t, lang, coded } = useShell();
  const checks = [...analysis.checks].sort((a, b) => (b.helps ?? 0) - (b.cost ?? 0) - ((a.helps ?? 0) - (a.cost ?? 0)));
  if (checks.length === 0) return null;
  return (
    <section class="card">
      <h3>{t('bestChecks')}</h3>
      <p class="faint">{t('bestChecksAbout')}</p>
      <Plot rows={checks.slice(0, PLOTTED).map((one) => ({ id: one.check, name: one.title[lang] || one.check, value: Math.max(0, one.helps ?? 0) }))} label={t('bestChecks')} />
      <details>
        <summary>{t('asTable', { n: checks.length })}</summary>
        <div class="scroll-x" tabIndex={0} role="group" aria-label={t('bestChecks')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('kind_check')}</th>
                <th scope="col">{t('field_who')}</th>
                <th scope="col" class="number">{t('helps')}</th>
                <th scope="col" class="number">{t('field_cost')}</th>
              </tr>
            </thead>
            <tbody>
              {checks.map((one) => (
                <tr key={one.check}>
                  <th scope="row">{one.title[lang] || one.check}</th>
                  <td>{coded('option', one.who)}</td>
                  <td class="number">{shown(one.helps)}</td>
                  <td class="number">{shown(one.cost)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

function CutSets({ analysis, nodes }: { analysis: Analysis; nodes: Nodes }) {
  const { t, lang } = useShell();
  const { list } = analysis.cutSets;
  if (list.length === 0) return null;
  return (
    <section class="card">
      <h3>{t('cutSets')}</h3>
      <p class="faint">{t('cutSetsAbout')}</p>
      <div class="scroll-x">
        <table>
          <thead>
            <tr>
              <th scope="col">{t('cutSetFaults')}</th>
              <th scope="col" class="number">{t('measure_probability')}</th>
            </tr>
          </thead>
          <tbody>
            {list.slice(0, LISTED).map((set) => (
              <tr key={set.faults.join(' ')}>
                <td>{set.faults.map((id) => called(nodes, id, lang)).join(' + ')}</td>
                <td class="number">{shown(set.probability)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {list.length > LISTED && <p class="faint">{t('cutSetsMore', { n: list.length - LISTED })}</p>}
    </section>
  );
}
