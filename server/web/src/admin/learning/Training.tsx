/** Retraining, what came of it, and which release is in service. */
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { Comparison } from './Comparison';
import { beginTraining, fetchReleases, fetchTrainings, promote, rollBack, stopTraining } from './trainingApi';
import type { Releases, Training as One } from './trainingApi';

const POLL_MS = 2_000;
const LEAST_REASON = 10;

export function Training({ rest }: { rest: readonly string[] }) {
  const { t, say, fail } = useShell();
  const trainings = useLoad(fetchTrainings, []);
  const releases = useLoad(fetchReleases, []);
  const [asked, setAsked] = useState<{ training: One } | { release: string } | null>(null);
  const running = trainings.data?.find((one) => one.state === 'running');
  const busy = running !== undefined || releases.data?.exchanging === true;

  useEffect(() => {
    if (!busy) return;
    const timer = setInterval(() => (trainings.reload(), releases.reload()), POLL_MS);
    return () => clearInterval(timer);
  }, [busy, trainings.reload, releases.reload]);

  const act = async (work: Promise<void>, done: string) => {
    try {
      await work;
      say(done);
    } catch (error) {
      fail(error);
    }
    trainings.reload();
    releases.reload();
  };

  const shown = Number(rest[0]);
  if (shown > 0) return <Comparison key={shown} id={shown} releases={releases.data} onPromote={(training) => setAsked({ training })} dialog={dialog()} />;

  function dialog() {
    if (asked === null) return null;
    const refused = 'training' in asked && asked.training.accepted === false;
    return (
      <ReasonDialog
        title={'training' in asked ? t('promoteAsk', { release: asked.training.release }) : t('rollBackAsk', { release: asked.release })}
        action={t('training' in asked ? 'promoteNow' : 'rollBackNow')}
        about={t(refused ? 'promoteRefused' : 'promoteAbout')}
        least={refused ? LEAST_REASON : 0}
        onClose={() => setAsked(null)}
        onDo={(reason) => {
          setAsked(null);
          void act('training' in asked ? promote(asked.training.id, reason) : rollBack(asked.release, reason), t('exchangeBegun'));
        }}
      />
    );
  }

  return (
    <>
      <div class="page-head">
        <h2>{t('page_training')}</h2>
        <p>{t('trainingAbout')}</p>
        <button type="button" class="button solid" disabled={busy} onClick={() => act(beginTraining(), t('trainingBegun'))}>
          {t('trainingBegin')}
        </button>
      </div>
      {running && (
        <section class="card running" aria-label={t('trainingRuns')}>
          <h3>
            {t('trainingRuns')}
            <small>{t('trainingFrom', { labels: running.labels, intents: running.newIntents })}</small>
          </h3>
          <progress max={1} value={running.progress} aria-label={t('trainingRuns')} />
          <p class="faint">
            {Math.round(running.progress * 100)}% {running.doing}
          </p>
          <button type="button" class="button outline" onClick={() => act(stopTraining(running.id), t('trainingStopped'))}>
            {t('trainingStop')}
          </button>
        </section>
      )}
      <section class="card">
        <h3>{t('trainings')}</h3>
        <Waiting of={trainings}>
          {(all) => {
            const ended = all.filter((one) => one.state !== 'running');
            return ended.length === 0 ? <p class="empty">{t('trainingsNone')}</p> : <Trainings all={ended} inService={releases.data?.release ?? ''} />;
          }}
        </Waiting>
      </section>
      <section class="card">
        <h3>{t('releases')}</h3>
        <Waiting of={releases}>{(data) => <History data={data} busy={busy} onRollBack={(release) => setAsked({ release })} />}</Waiting>
      </section>
      {dialog()}
    </>
  );
}

function Trainings({ all, inService }: { all: readonly One[]; inService: string }) {
  const { t, lang } = useShell();
  return (
    <table class="stacked">
      <thead>
        <tr>
          <th scope="col">{t('auditAt')}</th>
          <th scope="col">{t('trainingResult')}</th>
          <th scope="col">{t('trainingLearnt')}</th>
          <th scope="col">{t('metric_intent_accuracy')}</th>
          <th scope="col">
            <span class="hidden">{t('trainingShow')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {all.map((one) => (
          <tr key={one.id}>
            <td class="when">
              <time dateTime={one.at}>{dateAndClock(one.at, lang)}</time> · {one.author}
            </td>
            <td>
              {one.state === 'done' ? t(one.accepted ? 'verdictGood' : 'verdictBad') : t(`training_${one.state as 'failed'}`)}
              {one.release !== '' && one.release === inService && <span class="chip new">{t('release_inService')}</span>}
              {one.problem && <p class="problem">{one.problem}</p>}
            </td>
            <td>{t('trainingFrom', { labels: one.labels, intents: one.newIntents })}</td>
            <td class="when">{one.state === 'done' && `${percent(one.before.metrics['intent_accuracy'])} → ${percent(one.after.metrics['intent_accuracy'])}`}</td>
            <td>{one.state === 'done' && <a href={routeTo('training', one.id)}>{t('trainingShow')}</a>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export const percent = (share: number | null | undefined): string => (share === null || share === undefined ? '–' : `${(share * 100).toFixed(1)}%`);

function History({ data, busy, onRollBack }: { data: Releases; busy: boolean; onRollBack(release: string): void }) {
  const { t, lang } = useShell();
  const offered = new Set([data.release]);
  return (
    <>
      {data.exchanging && <p role="status">{t('exchanging')}</p>}
      {!data.supervised && <p class="faint">{t('notSupervised')}</p>}
      <table class="stacked">
        <thead>
          <tr>
            <th scope="col">{t('auditAt')}</th>
            <th scope="col">{t('release')}</th>
            <th scope="col">{t('auditAction')}</th>
            <th scope="col">{t('auditActor')}</th>
            <th scope="col">
              <span class="hidden">{t('rollBackNow')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {data.changes.map((change) => {
            const first = change.state === 'done' && change.here && !offered.has(change.release);
            if (first) offered.add(change.release);
            return (
              <tr key={change.id}>
                <td class="when">
                  <time dateTime={change.at}>{dateAndClock(change.at, lang)}</time>
                </td>
                <th scope="row" class="code-like">
                  {change.release} {change.release === data.release && change.state === 'done' && <span class="chip new">{t('release_inService')}</span>}
                </th>
                <td>
                  {t(`change_${change.kind as 'start'}`)}
                  {change.state === 'failed' && <p class="problem">{t('changeFailed', { why: change.problem })}</p>}
                  {change.reason && <p class="faint">{change.reason}</p>}
                </td>
                <td>{change.author}</td>
                <td>
                  {first && (
                    <button type="button" class="button outline" disabled={busy || !data.supervised} onClick={() => onRollBack(change.release)}>
                      {t('release_rollBackTo')}
                    </button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

interface ReasonProps {
  title: string;
  action: string;
  about: string;
  least: number;
  onDo(reason: string): void;
  onClose(): void;
}

function ReasonDialog({ title, action, about, least, onDo, onClose }: ReasonProps) {
  const { t } = useShell();
  const [reason, setReason] = useState('');
  return (
    <FormDialog title={title} action={action} ready={reason.trim().length >= least} onDo={() => onDo(reason)} onClose={onClose}>
      <p>{about}</p>
      <label class="field">
        {t(least > 0 ? 'reasonNeeded' : 'reasonWanted')}
        <textarea name="reason" rows={3} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
    </FormDialog>
  );
}
