/** Two variants against each other: what is known of each experiment in plain words, new ones, the end of one. */
import './experiments.css';
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { dateAndClock } from '../../shared/time';
import { seconds } from '../figures/figuresApi';
import { useLoad, Waiting } from '../load';
import { refusal } from '../settings/settingsApi';
import { useShell } from '../shell';
import type { Shell } from '../shell';
import { endExperiment, fetchExperiments } from './experimentsApi';
import type { Experiment, Metric, Result } from './experimentsApi';
import { NewExperimentDialog } from './NewExperiment';

const REFRESH_MS = 10_000;

export function Experiments() {
  const { t, lang, say, fail } = useShell();
  const loaded = useLoad(fetchExperiments, []);
  const [making, setMaking] = useState(false);
  const [ending, setEnding] = useState<{ one: Experiment; how: 'stop' | 'adopt' } | null>(null);

  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && loaded.reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);

  const end = async () => {
    if (!ending) return;
    setEnding(null);
    try {
      await endExperiment(ending.one.id, ending.how);
      say(t(ending.how === 'adopt' ? 'experimentAdopted' : 'experimentStopped', { name: ending.one.name }));
      loaded.reload();
    } catch (error) {
      const told = refusal(error);
      fail(told ? new Error([told.text[lang], ...told.problems.map((one) => one.text[lang])].join(' ')) : error);
    }
  };

  return (
    <>
      <div class="page-head">
        <h2>{t('page_experiments')}</h2>
        <button type="button" class="button solid" onClick={() => setMaking(true)}>
          {t('experimentNew')}
        </button>
        <p>{t('experimentsAbout')}</p>
      </div>
      <Waiting of={loaded}>
        {(items) => (
          <>
            {items.length === 0 && <p class="empty card">{t('experimentsNone')}</p>}
            {items.map((one) => (
              <Card key={one.id} one={one} onEnd={(how) => setEnding({ one, how })} />
            ))}
          </>
        )}
      </Waiting>
      {making && <NewExperimentDialog onDone={() => (setMaking(false), say(t('experimentBegun')), loaded.reload())} onClose={() => setMaking(false)} />}
      {ending && (
        <FormDialog
          title={t(ending.how === 'adopt' ? 'experimentAdoptTitle' : 'experimentStopTitle', { name: ending.one.name })}
          action={t(ending.how === 'adopt' ? 'experimentAdopt' : 'experimentStop')}
          onDo={end}
          onClose={() => setEnding(null)}
        >
          <p>{t(ending.how === 'adopt' ? 'experimentAdoptText' : 'experimentStopText')}</p>
          {ending.one.result && ending.one.state === 'running' && <p class="ending-verdict">{verdict({ t, lang }, ending.one, ending.one.result)}</p>}
        </FormDialog>
      )}
    </>
  );
}

type Words = Pick<Shell, 't' | 'lang'>;

function shown({ lang }: Words, metric: Metric, value: number | null): string {
  if (value === null) return '–';
  return metric === 'answer_time' ? seconds(value, lang) : `${(value * 100).toFixed(1).replace(/\.0$/, '')}%`;
}

/** A difference with its sign: +2.5 points, −0.3 s. */
function moved({ t, lang }: Words, metric: Metric, value: number): string {
  const size = metric === 'answer_time' ? seconds(Math.abs(value), lang) : t('experimentPoints', { n: (Math.abs(value) * 100).toFixed(1).replace(/\.0$/, '') });
  return `${value < 0 ? '−' : '+'}${size}`;
}

/** What is known, and what is not, in one plain sentence or two. */
export function verdict(words: Words, one: Experiment, result: Result): string {
  const { t } = words;
  const params = {
    a: shown(words, one.metric, result.a.mean),
    b: shown(words, one.metric, result.b.mean),
    metric: t(`metric_what_${one.metric}`),
    effect: one.metric === 'answer_time' ? shown(words, one.metric, one.effect) : t('experimentPoints', { n: Number((one.effect * 100).toPrecision(3)) }),
    low: result.low === null ? '' : moved(words, one.metric, result.low),
    high: result.high === null ? '' : moved(words, one.metric, result.high),
  };
  const ended = one.state !== 'running';
  if (result.standing === 'better') return t('verdictBetter', params);
  if (result.standing === 'worse') return t('verdictWorse', params);
  if (result.standing === 'same') return t('verdictSame', params);
  if (result.standing === 'open') return t(ended ? 'verdictEnded' : 'verdictOpen', params);
  return t(ended ? 'verdictEndedEarly' : 'verdictEarly');
}

function Card({ one, onEnd }: { one: Experiment; onEnd(how: 'stop' | 'adopt'): void }) {
  const shell = useShell();
  const { t, lang } = shell;
  const { result } = one;
  const what = one.kind === 'threshold' ? t('kind_threshold') : one.kind === 'greeting' || one.kind === 'prompt' ? t(`kind_${one.kind}`) : `${t(`kind_${one.kind}`)} · ${one.target}`;
  return (
    <section class={`card experiment ${one.state}`} aria-label={one.name}>
      <h3>
        {one.name}
        <span class={`experiment-state ${one.state}`}>{t(`experiment_${one.state}`)}</span>
      </h3>
      <p class="faint">
        {what} · {t('experimentShare', { n: Math.round(one.share * 100) })} · {t(`metric_${one.metric}`)} ·{' '}
        {one.ended ? `${dateAndClock(one.started, lang)} – ${dateAndClock(one.ended, lang)}` : t('experimentSince', { time: dateAndClock(one.started, lang) })} · {t('experimentMet', { n: one.met })}
      </p>
      {result && <p class={`verdict ${result.standing}`}>{verdict(shell, one, result)}</p>}
      {result && <Interval one={one} result={result} />}
      <table class="arms stacked">
        <thead>
          <tr>
            <th scope="col">{t('experimentVariant')}</th>
            <th scope="col">{t('experimentWhat')}</th>
            <th scope="col" class="number">{t('experimentCounted')}</th>
            <th scope="col" class="number">{t(`metric_${one.metric}`)}</th>
          </tr>
        </thead>
        <tbody>
          {(['a', 'b'] as const).map((arm) => (
            <tr key={arm}>
              <th scope="row">{arm.toUpperCase()}</th>
              <td>{arm === 'a' ? (one.original?.[lang] ?? t('experimentAsIs')) : one.kind === 'threshold' ? t('experimentShifted', { n: one.shift > 0 ? `+${one.shift}` : String(one.shift).replace('-', '−') }) : one.texts[lang]}</td>
              <td class="number" data-label={t('experimentCounted')}>
                {result?.[arm].n ?? 0}
              </td>
              <td class="number" data-label={t(`metric_${one.metric}`)}>
                {shown(shell, one.metric, result?.[arm].mean ?? null)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {one.state !== 'stopped' && (
        <div class="card-buttons">
          {one.state === 'running' && (
            <button type="button" class={`button ${result?.standing === 'better' ? 'solid' : 'outline'}`} onClick={() => onEnd('adopt')}>
              {t('experimentAdopt')}
            </button>
          )}
          <button type="button" class="button outline" onClick={() => onEnd('stop')}>
            {t(one.state === 'running' ? 'experimentStop' : 'experimentBack')}
          </button>
        </div>
      )}
    </section>
  );
}

/** The interval of the difference against no difference, drawn. */
function Interval({ one, result }: { one: Experiment; result: Result }) {
  const shell = useShell();
  const { t } = shell;
  const { low, high } = result;
  if (low === null || high === null) return null;
  const most = Math.max(Math.abs(low), Math.abs(high), one.effect) * 1.15;
  const at = (value: number) => `${50 + (Math.min(most, Math.max(-most, value)) / most) * 50}%`;
  const label = t('experimentInterval', { difference: moved(shell, one.metric, result.difference), low: moved(shell, one.metric, low), high: moved(shell, one.metric, high) });
  return (
    <div class="interval" role="img" aria-label={label}>
      <div class="interval-track" aria-hidden="true">
        <u class="zero" style={{ left: '50%' }} />
        <i class={result.standing} style={{ left: at(low), right: `calc(100% - ${at(high)})` }} />
        <b style={{ left: at(result.difference) }} />
      </div>
      <p aria-hidden="true">{label}</p>
    </div>
  );
}
