/** Proposals for the graph: what a language model reads in manuals and tickets, decided one by one. */
import { useEffect, useState } from 'preact/hooks';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { Decide } from './Decide';
import { fetchRuns, moveRun } from './proposalsApi';
import type { Run } from './proposalsApi';
import { ManualDialog, TicketsDialog } from './ReadDialogs';

const LOOK_MS = 2_000;

export function Proposals({ rest }: { rest: readonly string[] }) {
  const run = Number(rest[0]);
  return Number.isInteger(run) && run > 0 ? <Decide run={run} /> : <Runs />;
}

function Runs() {
  const { t, say, fail } = useShell();
  const loaded = useLoad(fetchRuns, []);
  const [reading, setReading] = useState<'manual' | 'tickets' | null>(null);
  const working = loaded.data?.runs.some((one) => one.state === 'running') ?? false;
  const { reload } = loaded;
  useEffect(() => {
    if (!working) return;
    const timer = setInterval(reload, LOOK_MS);
    return () => clearInterval(timer);
  }, [working, reload]);

  const move = async (run: Run, what: 'stop' | 'resume') => {
    try {
      await moveRun(run.id, what);
    } catch (error) {
      fail(error);
    }
    reload();
  };
  const begun = () => {
    setReading(null);
    say(t('proposalsBegun'));
    reload();
  };

  return (
    <>
      <div class="page-head">
        <h2>{t('page_proposals')}</h2>
        <p>{t('proposalsAbout')}</p>
        <button type="button" class="button solid" disabled={!loaded.data?.configured} onClick={() => setReading('manual')}>
          {t('proposalsManual')}
        </button>
        <button type="button" class="button outline" disabled={!loaded.data?.configured} onClick={() => setReading('tickets')}>
          {t('proposalsTickets')}
        </button>
      </div>
      <Waiting of={loaded}>
        {({ configured, runs }) => (
          <>
            {!configured && <p class="card">{t('proposalsNotConfigured')}</p>}
            {configured && runs.length === 0 && <p class="empty card">{t('proposalsNone')}</p>}
            {runs.length > 0 && (
              <ul class="outage-list">
                {runs.map((run) => (
                  <Row key={run.id} run={run} onMove={(what) => move(run, what)} />
                ))}
              </ul>
            )}
          </>
        )}
      </Waiting>
      {reading === 'manual' && <ManualDialog onBegun={begun} onClose={() => setReading(null)} />}
      {reading === 'tickets' && <TicketsDialog onBegun={begun} onClose={() => setReading(null)} />}
    </>
  );
}

function Row({ run, onMove }: { run: Run; onMove(what: 'stop' | 'resume'): void }) {
  const { t, lang, coded } = useShell();
  const thrown = Object.entries(run.thrown).map(([why, count]) => `${coded('proposalsThrown', why)} ${count}`);
  return (
    <li class="card">
      <h3>
        <a href={routeTo('proposals', run.id)}>{run.title}</a>
        <small>
          {run.author} · {dateAndClock(run.at, lang)}
        </small>
      </h3>
      <p>
        {coded('proposalsState', run.state)} · <progress max={run.pieces} value={run.done} aria-label={t('proposalsProgress')} /> {run.done}/{run.pieces} ·{' '}
        {t('proposalsOpen', { n: run.open })}
        {run.failure && ` · ${coded('proposalsFailure', run.failure)}`}
      </p>
      {thrown.length > 0 && <p class="faint">{t('proposalsThrown', { reasons: thrown.join(' · ') })}</p>}
      <div class="card-buttons">
        <a class="button outline" href={routeTo('proposals', run.id)}>
          {t('proposalsLook')}
        </a>
        {run.state === 'running' && (
          <button type="button" class="button plain" onClick={() => onMove('stop')}>
            {t('proposalsStop')}
          </button>
        )}
        {(run.state === 'failed' || run.state === 'stopped') && (
          <button type="button" class="button plain" onClick={() => onMove('resume')}>
            {t('proposalsResume')}
          </button>
        )}
      </div>
    </li>
  );
}
