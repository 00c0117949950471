/** A trained release beside the one in service, on messages that neither has seen. */
import type { ComponentChildren } from 'preact';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { nameOf } from './labelling';
import { fetchIntents } from './reviewApi';
import type { KnownIntent } from './reviewApi';
import { percent } from './Training';
import { fetchTraining } from './trainingApi';
import type { Check, Difference, Releases, Side, Training } from './trainingApi';

const METRICS = ['intent_accuracy', 'intent_macro_f1', 'entity_f1', 'ece', 'coverage_at_risk_bound', 'error_at_risk_bound', 'oos_auroc'] as const;
const SHOWN_INTENTS = 60;
const SIDE = 220;

interface Props {
  id: number;
  releases: Releases | null;
  dialog: ComponentChildren;
  onPromote(training: Training): void;
}

export function Comparison({ id, releases, dialog, onPromote }: Props) {
  const { t } = useShell();
  const loaded = useLoad(() => fetchTraining(id), [id]);
  const known = useLoad(fetchIntents, []);
  return (
    <>
      <div class="page-head">
        <h2>{t('comparison')}</h2>
        <p>
          <a href={routeTo('training')}>{t('comparisonBack')}</a>
        </p>
      </div>
      <Waiting of={loaded}>
        {(one) => (
          <>
            <Verdict {...{ one, releases }} intents={known.data ?? []} onPromote={() => onPromote(one)} />
            <Figures one={one} />
            <div class="compare-plots">
              <Plot title={t('plotReliability')} about={t('plotReliabilityAbout')} top={1} before={one.before.reliability} after={one.after.reliability} diagonal />
              <Plot title={t('plotRisk')} about={t('plotRiskAbout')} top={riskTop(one)} before={one.before.risk} after={one.after.risk} />
            </div>
            <Intents one={one} intents={known.data ?? []} />
            <Confusions before={one.before} after={one.after} intents={known.data ?? []} />
          </>
        )}
      </Waiting>
      {dialog}
    </>
  );
}

const riskTop = (one: Training): number => Math.max(0.05, ...one.before.risk.map(([, y]) => y), ...one.after.risk.map(([, y]) => y));

function Verdict({ one, releases, intents, onPromote }: { one: Training; releases: Releases | null; intents: readonly KnownIntent[]; onPromote(): void }) {
  const { t, lang } = useShell();
  const failed = one.checks.filter((check) => !check.ok);
  const words = (check: Check) =>
    check.intent
      ? t('checkIntent', { intent: nameOf(intents, check.intent, lang), base: check.base ?? 0, candidate: check.candidate ?? 0, of: check.of ?? 0 })
      : t(`check_${check.check as 'accuracy'}`);
  return (
    <section class="card">
      <h3>
        {t(one.accepted ? 'verdictGood' : 'verdictBad')}
        <small>{t(one.method === 'split' ? 'methodSplit' : 'methodHeldOut', { n: one.examples })}</small>
      </h3>
      {failed.length > 0 ? (
        <ul class="checks">
          {failed.map((check) => (
            <li key={`${check.check} ${check.intent}`} class="problem">
              {check.check === 'safety' && <strong>{t('check_safety')} </strong>}
              {words(check)}
            </li>
          ))}
        </ul>
      ) : (
        <p class="faint">{t('verdictGoodAbout')}</p>
      )}
      <p class="code-like faint">
        {one.base} → {one.release}
      </p>
      {releases?.release === one.release ? (
        <span class="chip new">{t('release_inService')}</span>
      ) : (
        <button type="button" class={`button ${one.accepted ? 'solid' : 'outline'}`} disabled={releases === null || releases.exchanging} onClick={onPromote}>
          {t('promote')}
        </button>
      )}
    </section>
  );
}

function Figures({ one }: { one: Training }) {
  const { t } = useShell();
  const shown = (side: Side, name: (typeof METRICS)[number]) => (name === 'ece' || name === 'oos_auroc' ? (side.metrics[name]?.toFixed(3) ?? '–') : percent(side.metrics[name]));
  return (
    <section class="card scroll-x" tabIndex={0} aria-label={t('figuresOfBoth')}>
      <h3>{t('figuresOfBoth')}</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('metric')}</th>
            <th scope="col" class="number">
              {t('sideBefore')}
            </th>
            <th scope="col" class="number">
              {t('sideAfter')}
            </th>
            <th scope="col" class="number">
              {t('metricChange')}
            </th>
          </tr>
        </thead>
        <tbody>
          {METRICS.map((name) => (
            <tr key={name}>
              <th scope="row">{t(`metric_${name}`)}</th>
              <td class="number">{shown(one.before, name)}</td>
              <td class="number">{shown(one.after, name)}</td>
              <td class="number">{change(one.differences[name])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const signed = (share: number): string => `${share > 0 ? '+' : share < 0 ? '−' : '±'}${(Math.abs(share) * 100).toFixed(1)}`;

function change(found: Difference | undefined): string {
  if (found === undefined || found.difference === null || found.low === null || found.high === null) return '';
  return `${signed(found.difference)} (${signed(found.low)} … ${signed(found.high)})`;
}

interface PlotProps {
  title: string;
  about: string;
  top: number;
  before: readonly (readonly [number, number])[];
  after: readonly (readonly [number, number])[];
  diagonal?: boolean;
}

/** Two curves over the unit interval; what they say stands in the tables too. */
function Plot({ title, about, top, before, after, diagonal = false }: PlotProps) {
  const { t } = useShell();
  const at = ([x, y]: readonly [number, number]) => `${(x * SIDE).toFixed(1)},${(SIDE - (y / top) * SIDE).toFixed(1)}`;
  return (
    <figure class="card compare-plot">
      <figcaption>
        <strong>{title}</strong>
        <span class="faint">{about}</span>
      </figcaption>
      <svg role="img" aria-label={title} viewBox={`-34 -8 ${SIDE + 44} ${SIDE + 34}`}>
        <rect width={SIDE} height={SIDE} class="frame" />
        {[0, 0.5, 1].map((tick) => (
          <g key={tick}>
            <text x={tick * SIDE} y={SIDE + 16} text-anchor="middle">
              {tick * 100}%
            </text>
            <text x={-5} y={SIDE - tick * SIDE + 4} text-anchor="end">
              {Math.round(tick * top * 100)}%
            </text>
          </g>
        ))}
        {diagonal && <line x1={0} y1={SIDE} x2={SIDE} y2={0} class="frame" />}
        <polyline points={before.map(at).join(' ')} class="before" />
        <polyline points={after.map(at).join(' ')} class="after" />
      </svg>
      <p class="compare-legend">
        <span class="before">{t('sideBefore')}</span> <span class="after">{t('sideAfter')}</span>
      </p>
    </figure>
  );
}

function Intents({ one, intents }: { one: Training; intents: readonly KnownIntent[] }) {
  const { t, lang } = useShell();
  const changed = one.intents
    .filter((row) => row.base !== row.candidate)
    .sort((a, b) => (a.difference ?? 0) - (b.difference ?? 0))
    .slice(0, SHOWN_INTENTS);
  return (
    <section class="card scroll-x" tabIndex={0} aria-label={t('intentChanges')}>
      <h3>{t('intentChanges')}</h3>
      {changed.length === 0 ? (
        <p class="faint">{t('intentChangesNone')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('metricIntent')}</th>
              <th scope="col" class="number">
                {t('sideBefore')}
              </th>
              <th scope="col" class="number">
                {t('sideAfter')}
              </th>
              <th scope="col">{t('metricChange')}</th>
            </tr>
          </thead>
          <tbody>
            {changed.map((row) => (
              <tr key={row.intent}>
                <th scope="row">{nameOf(intents, row.intent, lang)}</th>
                <td class="number">
                  {row.base}/{row.examples}
                </td>
                <td class="number">
                  {row.candidate}/{row.examples}
                </td>
                <td>
                  <span class="intent-change">
                    <svg viewBox="-50 0 100 10" aria-hidden="true">
                      <line x1={0} y1={0} x2={0} y2={10} class="frame" />
                      <rect
                        x={Math.min(0, (row.difference ?? 0) * 50)}
                        y={2}
                        width={Math.abs(row.difference ?? 0) * 50}
                        height={6}
                        class={(row.difference ?? 0) < 0 ? 'worse' : 'better'}
                      />
                      <line x1={(row.low ?? 0) * 50} y1={5} x2={(row.high ?? 0) * 50} y2={5} class="reach" />
                    </svg>
                    {change(row)}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Confusions({ before, after, intents }: { before: Side; after: Side; intents: readonly KnownIntent[] }) {
  const { t, lang } = useShell();
  const keyOf = (one: { intent: string; takenFor: string }) => `${one.intent} ${one.takenFor}`;
  const was = new Map(before.confusions.map((one) => [keyOf(one), one.count]));
  const is = new Map(after.confusions.map((one) => [keyOf(one), one.count]));
  const all = [...new Map([...before.confusions, ...after.confusions].map((one) => [keyOf(one), one])).values()];
  return (
    <section class="card scroll-x" tabIndex={0} aria-label={t('confusions')}>
      <h3>{t('confusions')}</h3>
      {all.length === 0 ? (
        <p class="faint">{t('confusionsNone')}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t('confusionMeant')}</th>
              <th scope="col">{t('confusionTaken')}</th>
              <th scope="col" class="number">
                {t('sideBefore')}
              </th>
              <th scope="col" class="number">
                {t('sideAfter')}
              </th>
            </tr>
          </thead>
          <tbody>
            {all.map((one) => (
              <tr key={keyOf(one)}>
                <th scope="row">{nameOf(intents, one.intent, lang)}</th>
                <td>{nameOf(intents, one.takenFor, lang)}</td>
                <td class="number">{was.get(keyOf(one)) ?? '·'}</td>
                <td class="number">{is.get(keyOf(one)) ?? '·'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
