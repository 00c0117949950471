/** How the bot is doing: a glance for the targets, then where it comes from. */
import './figures.css';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Lang } from '../../shared/frames';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import type { T } from '../shell';
import { count, fetchFigures, money, percent, query, seconds } from './figuresApi';
import type { Figures as Found, Line, Share, Wanted } from './figuresApi';
import { Plot } from './Plot';

const SPANS = [7, 28, 90, 365] as const;
const WEEK = 7;
const COUNTING_MS = 3_000;

export function Figures() {
  const { t } = useShell();
  const [wanted, setWanted] = useState<Wanted>({ days: 28, channel: '', language: '' });
  const loaded = useLoad(() => fetchFigures(wanted), [wanted]);
  useEffect(() => {
    if (loaded.data === null || loaded.data.complete) return;
    const timer = setTimeout(loaded.reload, COUNTING_MS);
    return () => clearTimeout(timer);
  }, [loaded.data]);
  const select = (name: 'channel' | 'language', options: readonly [string, string][]) => (
    <label class="field">
      {t(`figures_${name}`)}
      <select value={wanted[name]} onChange={(event) => setWanted({ ...wanted, [name]: event.currentTarget.value })}>
        <option value="">{t('figuresAll')}</option>
        {options.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <>
      <div class="page-head">
        <h2>{t('page_figures')}</h2>
        <a class="button outline" href={`/api/figures.csv?${query(wanted)}`} download>
          {t('figuresCsv')}
        </a>
        <p>{t('figuresAbout')}</p>
      </div>
      <div class="figures-filters">
        <div class="spans" role="group" aria-label={t('figuresSpan')}>
          {SPANS.map((days) => (
            <button key={days} type="button" aria-pressed={wanted.days === days} onClick={() => setWanted({ ...wanted, days })}>
              {t('figuresDays', { n: days })}
            </button>
          ))}
        </div>
        {select('channel', [
          ['text', t('channel_text')],
          ['voice', t('channel_voice')],
          ['picture', t('channel_picture')],
        ])}
        {select('language', [
          ['zh', t('chinese')],
          ['en', t('english')],
        ])}
      </div>
      <Waiting of={loaded}>{(figures) => <Shown figures={figures} />}</Waiting>
    </>
  );
}

function Shown({ figures }: { figures: Found }) {
  const { t, lang } = useShell();
  const { total, targets } = figures;
  return (
    <>
      <p class="faint as-of">
        {figures.complete ? t('figuresAsOf', { time: dateAndClock(figures.asOf, lang) }) : t('figuresCounting')}
        {total.open > 0 && ` ${t('figuresOpen', { n: count(total.open, lang) })}`}
      </p>
      <Goals figures={figures} />
      {total.conversations === 0 && <p class="card empty">{t('figuresNoTraffic')}</p>}
      <Smaller figures={figures} />
      <div class="figures-grid">
        <section class="card wide">
          <Coverage days={figures.days} target={targets.coverage} />
        </section>
        <section class="card">
          <Traffic days={figures.days} />
        </section>
        <section class="card">
          <Responses days={figures.days} target={targets.responseS} />
        </section>
        <Reasons figures={figures} />
        <Understanding figures={figures} />
        <Table title={t('figures_channel')} lines={figures.byChannel} name={(one) => t(`channel_${one as 'text'}`)} />
        <Table title={t('figures_language')} lines={figures.byLanguage} name={(one) => (one === 'zh' ? t('chinese') : t('english'))} />
        <Unanswered figures={figures} />
        <Saved figures={figures} />
      </div>
      <Days figures={figures} />
    </>
  );
}

interface GoalProps {
  name: string;
  value: string;
  target: string;
  /** null: nothing to say yet. */
  met: boolean | null;
  /** How far along the scale, 0 to 1, and where the target lies. */
  share: number | null;
  mark: number;
  children?: ComponentChildren;
}

function Goal({ name, value, target, met, share, mark, children }: GoalProps) {
  const { t } = useShell();
  const state = met === null ? 'unknown' : met ? 'met' : 'missed';
  const at = (part: number) => `${Math.min(100, Math.max(0, part * 100))}%`;
  return (
    <li class={`goal ${state}`}>
      <h3>{name}</h3>
      <p class="goal-value">{value}</p>
      <div class="goal-track" aria-hidden="true">
        {share !== null && <i style={{ width: at(share) }} />}
        <u style={{ left: at(mark) }} />
      </div>
      <p class="goal-line">
        <span class="goal-state">{t(`goal_${state}`)}</span>
        <span>{target}</span>
      </p>
      <small>{children}</small>
    </li>
  );
}

const languageName = (t: T, language: string): string => (language === 'zh' ? t('chinese') : language === 'en' ? t('english') : t('figureHeldOut'));

function Goals({ figures }: { figures: Found }) {
  const { t, lang } = useShell();
  const { total, targets, quality } = figures;
  const lowest = (pick: (one: (typeof quality)[number]) => number | null): number | null => {
    const known = quality.map(pick).filter((one) => one !== null);
    return known.length ? Math.min(...known) : null;
  };
  const each = (pick: (one: (typeof quality)[number]) => number | null) =>
    quality.filter((one) => pick(one) !== null).map((one) => `${languageName(t, one.language)} ${percent(pick(one), 1)}`).join(' · ');
  const intents = lowest((one) => one.intents);
  const entities = lowest((one) => one.entities);
  const least = (value: number) => t('goalAtLeast', { value: percent(value) });
  const mean = total.meanS;
  // The scale of times ends at twice the target: half the bar is what is allowed.
  return (
    <ul class="goals" aria-label={t('figuresGoals')}>
      <Goal
        name={t('figureCoverage')}
        value={percent(total.coverage.value, 1)}
        target={least(targets.coverage)}
        met={total.coverage.value === null ? null : total.coverage.value >= targets.coverage}
        share={total.coverage.value}
        mark={targets.coverage}
      >
        <Interval of={total.coverage} />
      </Goal>
      <Goal
        name={t('figureResponse')}
        value={seconds(mean, lang)}
        target={t('goalAtMost', { value: seconds(targets.responseS, lang) })}
        met={mean === null ? null : mean <= targets.responseS}
        share={mean === null ? null : mean / (2 * targets.responseS)}
        mark={0.5}
      >
        {total.answers > 0 && t('figureP95', { value: seconds(total.p95S, lang), n: count(total.answers, lang) })}
      </Goal>
      <Goal
        name={t('figureIntents')}
        value={percent(intents, 1)}
        target={least(targets.intents)}
        met={intents === null ? null : intents >= targets.intents}
        share={intents}
        mark={targets.intents}
      >
        {each((one) => one.intents)}
      </Goal>
      <Goal
        name={t('figureEntities')}
        value={percent(entities, 1)}
        target={least(targets.entities)}
        met={entities === null ? null : entities >= targets.entities}
        share={entities}
        mark={targets.entities}
      >
        {entities === null ? t('figureNotMeasured') : each((one) => one.entities)}
      </Goal>
    </ul>
  );
}

function Interval({ of }: { of: Share }) {
  const { t, lang } = useShell();
  if (of.value === null) return null;
  return <>{t('figureInterval', { low: percent(of.low, 1), high: percent(of.high, 1), n: count(of.of, lang) })}</>;
}

function Smaller({ figures }: { figures: Found }) {
  const { t, lang } = useShell();
  const { total, saved } = figures;
  const share = (name: string, one: Share): [string, string, ComponentChildren] => [name, percent(one.value, 1), <Interval of={one} />];
  const tiles: [string, string, ComponentChildren][] = [
    [t('figureConversations'), count(total.conversations, lang), total.running > 0 ? t('figureRunning', { n: count(total.running, lang) }) : ''],
    share(t('figureContainment'), total.containment),
    share(t('figureHandoff'), total.handoff),
    share(t('figureSatisfaction'), total.satisfaction),
    [t('figureReturned'), count(total.returned, lang), t('figureReturnedAbout')],
    [t('figureSaved'), money(saved.amount, saved.currency, lang), t('figureHours', { n: count(saved.hours, lang) })],
  ];
  return (
    <dl class="figure-tiles">
      {tiles.map(([name, value, more]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            <small>{more}</small>
          </dd>
        </div>
      ))}
    </dl>
  );
}

const names = (days: readonly Line[]) => days.map((one) => one.name);

/** Sums of seven days: a day of few conversations says little by itself. */
function weekly(days: readonly Line[]): (number | null)[] {
  return days.map((_, at) => {
    const week = days.slice(Math.max(0, at - WEEK + 1), at + 1);
    const of = week.reduce((sum, one) => sum + one.coverage.of, 0);
    return of ? week.reduce((sum, one) => sum + one.handled, 0) / of : null;
  });
}

function Coverage({ days, target }: { days: readonly Line[]; target: number }) {
  const { t } = useShell();
  return (
    <Plot
      title={t('plotCoverage')}
      days={names(days)}
      series={[
        { name: t('plotDay'), colour: 'first', values: days.map((one) => one.coverage.value), low: days.map((one) => one.coverage.low), high: days.map((one) => one.coverage.high) },
        { name: t('plotWeek'), colour: 'second', values: weekly(days), dashed: true },
      ]}
      target={{ value: target, name: t('plotTarget') }}
      least={1}
      most={1}
      format={(value) => percent(value)}
      nothing={t('plotNothing')}
    />
  );
}

function Traffic({ days }: { days: readonly Line[] }) {
  const { t, lang } = useShell();
  const parts: [string, 'first' | 'third' | 'fourth', (one: Line) => number][] = [
    [t('plotHandled'), 'first', (one) => one.handled],
    [t('plotUnhandled'), 'third', (one) => Math.max(0, one.coverage.of - one.handled - one.handed)],
    [t('plotHanded'), 'fourth', (one) => one.handed],
  ];
  return (
    <Plot
      title={t('plotTraffic')}
      days={names(days)}
      series={parts.map(([name, colour, of]) => ({ name, colour, values: days.map(of) }))}
      stacked
      format={(value) => count(value, lang)}
      nothing={t('plotNothing')}
    />
  );
}

function Responses({ days, target }: { days: readonly Line[]; target: number }) {
  const { t, lang } = useShell();
  return (
    <Plot
      title={t('plotResponse')}
      days={names(days)}
      series={[
        { name: t('plotMean'), colour: 'first', values: days.map((one) => one.meanS) },
        { name: t('plotP95'), colour: 'third', values: days.map((one) => one.p95S), dashed: true },
      ]}
      target={{ value: target, name: t('plotTarget') }}
      format={(value) => seconds(value, lang)}
      nothing={t('plotNothing')}
    >
      <small class="faint">{t('plotP95Error')}</small>
    </Plot>
  );
}

function Bar({ name, share, shown }: { name: string; share: number; shown: string }) {
  return (
    <li class="figure-bar">
      <span>{name}</span>
      <b>{shown}</b>
      <span class="bar-track" aria-hidden="true">
        <i style={{ width: `${Math.min(100, share * 100)}%` }} />
      </span>
    </li>
  );
}

function Reasons({ figures }: { figures: Found }) {
  const { t, coded, lang } = useShell();
  const most = Math.max(...figures.reasons.map((one) => one.count), 1);
  return (
    <section class="card">
      <h3>
        {t('figureReasons')}
        <small>{t('figureReasonsOf', { n: count(figures.total.coverage.of, lang) })}</small>
      </h3>
      {figures.reasons.length === 0 && <p class="faint">{t('figureNoReasons')}</p>}
      <ul class="figure-bars">
        {figures.reasons.map((one) => (
          <Bar key={one.reason} name={coded('reason', one.reason)} share={one.count / most} shown={`${count(one.count, lang)} · ${percent(one.rate.value, 1)}`} />
        ))}
      </ul>
    </section>
  );
}

function Understanding({ figures }: { figures: Found }) {
  const { t, lang } = useShell();
  const { quality, reviewed } = figures;
  return (
    <section class="card">
      <h3>
        {t('figureUnderstanding')}
        <small class="code-like">{figures.release}</small>
      </h3>
      {quality.length === 0 ? (
        <p class="faint">{t('figureNoRelease')}</p>
      ) : (
        <div class="scroll-x" tabIndex={0} role="region" aria-label={t('figureUnderstanding')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('figures_language')}</th>
                <th scope="col" class="number">{t('figureIntents')}</th>
                <th scope="col" class="number">{t('figureEntities')}</th>
                <th scope="col" class="number">{t('figureExamples')}</th>
              </tr>
            </thead>
            <tbody>
              {quality.map((one) => (
                <tr key={one.language}>
                  <th scope="row">{languageName(t, one.language)}</th>
                  <td class="number">
                    {percent(one.intents, 1)}
                    {one.low !== null && <small class="faint"> {percent(one.low)}–{percent(one.high)}</small>}
                  </td>
                  <td class="number">{percent(one.entities, 1)}</td>
                  <td class="number">{count(one.examples, lang)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="faint fine-print">
        {reviewed.of === 0
          ? t('figureNoReviews')
          : t('figureReviewed', { share: percent(reviewed.value), low: percent(reviewed.low), high: percent(reviewed.high), n: count(reviewed.of, lang) })}
      </p>
    </section>
  );
}

function Table({ title, lines, name, titled = true }: { title: string; lines: readonly Line[]; name(value: string): string; titled?: boolean }) {
  const { t, lang } = useShell();
  const share = (one: Share) => (
    <td class="number" title={one.value === null ? '' : `${percent(one.low, 1)}–${percent(one.high, 1)}`}>
      {percent(one.value, 1)}
    </td>
  );
  return (
    <section class={titled ? 'card wide' : undefined}>
      {titled && <h3>{title}</h3>}
      <div class="scroll-x" tabIndex={0} role="region" aria-label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{title}</th>
              <th scope="col" class="number">{t('figureConversations')}</th>
              <th scope="col" class="number">{t('figureCoverage')}</th>
              <th scope="col" class="number">{t('figureHandoff')}</th>
              <th scope="col" class="number">{t('plotMean')}</th>
              <th scope="col" class="number">{t('plotP95')}</th>
              <th scope="col" class="number">{t('figureSatisfaction')}</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((one) =>
              one.conversations === 0 ? (
                <tr key={one.name}>
                  <th scope="row">{name(one.name)}</th>
                  <td colSpan={6} class="faint">
                    {t('plotNothing')}
                  </td>
                </tr>
              ) : (
                <tr key={one.name}>
                  <th scope="row">{name(one.name)}</th>
                  <td class="number">{count(one.conversations, lang)}</td>
                  {share(one.coverage)}
                  {share(one.handoff)}
                  <td class="number">{seconds(one.meanS, lang)}</td>
                  <td class="number">{seconds(one.p95S, lang)}</td>
                  {share(one.satisfaction)}
                </tr>
              ),
            )}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Unanswered({ figures }: { figures: Found }) {
  const { t, lang } = useShell();
  const most = Math.max(...figures.unanswered.map((one) => one.count), 1);
  return (
    <section class="card">
      <h3>{t('figureUnanswered')}</h3>
      {figures.unanswered.length === 0 && <p class="faint">{t('figureNoneUnanswered')}</p>}
      <ul class="figure-bars questions">
        {figures.unanswered.map((one) => (
          <Bar key={`${one.language}${one.text}`} name={one.text} share={one.count / most} shown={`×${count(one.count, lang)}`} />
        ))}
      </ul>
    </section>
  );
}

function Saved({ figures }: { figures: Found }) {
  const { t, lang } = useShell();
  const { saved } = figures;
  return (
    <section class="card">
      <h3>{t('figureSaved')}</h3>
      <p class="saved-amount">{money(saved.amount, saved.currency, lang)}</p>
      <p class="saved-formula">
        {t('figureFormula', {
          handled: count(saved.handled, lang),
          minutes: saved.minutes,
          cost: money(saved.cost, saved.currency, lang as Lang),
          amount: money(saved.amount, saved.currency, lang),
        })}
      </p>
      <p class="faint fine-print">{t('figureFormulaAbout')}</p>
    </section>
  );
}

function Days({ figures }: { figures: Found }) {
  const { t } = useShell();
  return (
    <details class="card days-table">
      <summary>{t('figuresByDay')}</summary>
      <Table title={t('plotDay')} lines={[...figures.days].reverse()} name={(one) => one} titled={false} />
    </details>
  );
}
