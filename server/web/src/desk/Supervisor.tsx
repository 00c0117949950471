/** The supervisor's view: how many wait, who does what, why the bot hands over, and how customers found it. */
import { useEffect, useState } from 'preact/hooks';
import { useNow } from '../shared/hooks';
import { EyeIcon } from '../shared/icons';
import { shortId } from '../shared/text';
import { clock, stopwatch } from '../shared/time';
import { Bar, percent } from './Bar';
import { fetchOverview, setCapacity } from './overview';
import type { AgentLine, Overview, Rated } from './overview';
import { Waiting } from './panel';
import { useShell } from './shell';

const REFRESH_MS = 4_000;
const TICK_MS = 1_000;
const SPANS_H = [1, 8, 24, 168] as const;
const MOST_CAPACITY = 50;

const since = (at: string, now: Date): string => {
  const seconds = (now.getTime() - Date.parse(at)) / 1000;
  return Number.isNaN(seconds) ? '' : stopwatch(seconds);
};

const seconds = (value: number | null): string => (value === null ? '–' : stopwatch(value));

export function Supervisor({ onOpen }: { onOpen(conversation: string): void }) {
  const { t } = useShell();
  const [hours, setHours] = useState<number>(24);
  const [overview, setOverview] = useState<Overview | 'loading' | 'failed'>('loading');
  const [round, setRound] = useState(0);

  useEffect(() => {
    let current = true;
    const fetch = () => {
      if (document.visibilityState !== 'visible') return;
      fetchOverview(hours).then(
        (found) => current && setOverview(found),
        // The last figures stay; the next round may bring new ones.
        () => current && setOverview((shown) => (typeof shown === 'object' ? shown : 'failed')),
      );
    };
    fetch();
    const timer = setInterval(fetch, REFRESH_MS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [hours, round]);

  return (
    <main class="overview" aria-label={t('overview')}>
      <div class="overview-head">
        <h2>{t('overview')}</h2>
        <label>
          <span>{t('span')}</span>
          <select value={hours} onChange={(event) => setHours(Number(event.currentTarget.value))}>
            {SPANS_H.map((span) => (
              <option key={span} value={span}>
                {span < 48 ? t('spanHours', { n: span }) : t('spanDays', { n: span / 24 })}
              </option>
            ))}
          </select>
        </label>
      </div>
      {typeof overview === 'object' ? (
        <Figures overview={overview} onOpen={onOpen} onChanged={() => setRound(round + 1)} />
      ) : (
        <Waiting value={overview} again={() => setRound(round + 1)} />
      )}
    </main>
  );
}

function Figures({ overview, onOpen, onChanged }: { overview: Overview; onOpen(conversation: string): void; onChanged(): void }) {
  const { t, coded } = useShell();
  const { now, waits } = overview;
  const tiles: [string, string, string?][] = [
    [t('now_waiting'), String(now.waiting), now.longestWaitS === null ? '' : t('longest', { time: stopwatch(now.longestWaitS) })],
    [t('now_assigned'), String(now.assigned), now.offered > 0 ? t('now_offered', { n: now.offered }) : ''],
    [t('now_snoozed'), String(now.snoozed)],
    [t('now_bot'), String(now.bot)],
    [t('medianWait'), seconds(waits.medianS), waits.p90S === null ? '' : t('p90', { time: stopwatch(waits.p90S) })],
    [t('withinTarget'), waits.withinTarget === null ? '–' : percent(waits.withinTarget)],
  ];
  return (
    <>
      <dl class="tiles">
        {tiles.map(([name, value, more]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {value}
              {more && <small>{more}</small>}
            </dd>
          </div>
        ))}
      </dl>
      <div class="overview-grid">
        <section class="card wide">
          <h3>{t('people')}</h3>
          <People agents={overview.agents} onOpen={onOpen} onChanged={onChanged} />
        </section>
        <section class="card">
          <h3>
            {t('handoffRate')}
            <small>{t('handoffCount', { escalated: overview.escalated, all: overview.conversations })}</small>
          </h3>
          <p class="figure">{overview.rate === null ? '–' : percent(overview.rate)}</p>
          {overview.reasons.map((reason) => (
            <Bar key={reason.name} name={coded('reason', reason.name)} value={reason.share} shown={`${reason.count} · ${percent(reason.share)}`} />
          ))}
          {overview.reasons.length === 0 && <p class="fine">{t('noFigures')}</p>}
        </section>
        <section class="card">
          <h3>{t('live')}</h3>
          <Live overview={overview} onOpen={onOpen} />
        </section>
        <section class="card">
          <h3>{t('ratings')}</h3>
          <Ratings title={t('filter_agent')} lines={overview.byAgent} />
          <Ratings title={t('filter_topic')} lines={overview.byIntent} />
          {overview.byAgent.length + overview.byIntent.length === 0 && <p class="fine">{t('noFigures')}</p>}
        </section>
        <section class="card">
          <h3>{t('answersRated')}</h3>
          <Answers answers={overview.answers} />
        </section>
      </div>
    </>
  );
}

function People({ agents, onOpen, onChanged }: { agents: AgentLine[]; onOpen(conversation: string): void; onChanged(): void }) {
  const { t, lang, coded } = useShell();
  const now = useNow(TICK_MS);
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={t('people')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('filter_agent')}</th>
            <th scope="col">{t('slot_status')}</th>
            <th scope="col">{t('capacity')}</th>
            <th scope="col">{t('doing')}</th>
            <th scope="col" class="number">{t('takenToday')}</th>
            <th scope="col" class="number">{t('pickUp')}</th>
            <th scope="col" class="number">{t('reply')}</th>
            <th scope="col" class="number">{t('score')}</th>
          </tr>
        </thead>
        <tbody>
          {agents.map((one) => (
            <tr key={one.agent}>
              <th scope="row">{one.name}</th>
              <td>
                <span class={`presence-word ${one.state}`}>{coded('state', one.state)}</span>
              </td>
              <td>
                <Capacity one={one} onChanged={onChanged} />
              </td>
              <td>
                <div class="doing">
                {one.conversations.length === 0 && <span class="faint">–</span>}
                {one.conversations.map((held) => (
                  <button key={held.conversation} type="button" class="chip" title={t('listenIn')} onClick={() => onOpen(held.conversation)}>
                    {held.topicLabel?.[lang] || `#${shortId(held.conversation)}`}
                    {held.unanswered && ` · ${t('unansweredFor', { time: since(held.unanswered, now) })}`}
                  </button>
                ))}
                </div>
              </td>
              <td class="number">
                {one.taken} / {one.closed}
              </td>
              <td class="number">{seconds(one.pickUpS)}</td>
              <td class="number">{seconds(one.replyS)}</td>
              <td class="number">{one.rating === null ? '–' : one.rating.toFixed(1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Capacity({ one, onChanged }: { one: AgentLine; onChanged(): void }) {
  const { t } = useShell();
  return (
    <span class="capacity">
      {one.load} /
      <input
        type="number"
        min={0}
        max={MOST_CAPACITY}
        value={one.capacity}
        aria-label={t('capacityOf', { name: one.name })}
        onChange={(event) => {
          const wanted = Number(event.currentTarget.value);
          if (Number.isInteger(wanted) && wanted >= 0 && wanted <= MOST_CAPACITY) void setCapacity(one.agent, wanted).then(onChanged, onChanged);
        }}
      />
    </span>
  );
}

function Live({ overview, onOpen }: { overview: Overview; onOpen(conversation: string): void }) {
  const { t, lang } = useShell();
  if (overview.live.length === 0) return <p class="fine">{t('liveNone')}</p>;
  return (
    <ul class="live">
      {overview.live.map((one) => (
        <li key={one.conversation}>
          <span>
            <b>#{shortId(one.conversation)}</b> <small>{t('messageCount', { n: one.messages })} · {clock(one.updated, lang)}</small>
            <span class="live-text" dir="auto">
              {one.lastText}
            </span>
          </span>
          <button type="button" class="button outline" onClick={() => onOpen(one.conversation)}>
            <EyeIcon />
            {t('listenIn')}
          </button>
        </li>
      ))}
    </ul>
  );
}

const BEST_SCORE = 5;

function Ratings({ title, lines }: { title: string; lines: Rated[] }) {
  const { t, lang } = useShell();
  if (lines.length === 0) return null;
  return (
    <>
      <h4>{title}</h4>
      {lines.map((line) => (
        <Bar
          key={line.name}
          name={line.label?.[lang] || line.name}
          value={(line.score ?? 0) / BEST_SCORE}
          shown={[line.score === null ? '–' : line.score.toFixed(1), line.solved === null ? '' : t('solvedShare', { n: percent(line.solved) }), `×${line.count}`].filter(Boolean).join(' · ')}
        />
      ))}
    </>
  );
}

function Answers({ answers }: { answers: Overview['answers'] }) {
  const { t, intent } = useShell();
  if (answers.length === 0) return <p class="fine">{t('noFigures')}</p>;
  return (
    <>
      {answers.map((one, index) => (
        <Bar
          key={index}
          name={intent(one.name)}
          value={one.good / Math.max(1, one.good + one.bad)}
          shown={t('goodBad', { good: one.good, bad: one.bad })}
        />
      ))}
    </>
  );
}
