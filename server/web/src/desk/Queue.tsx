/** The left column: which conversations there are. */
import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useNow } from '../shared/hooks';
import { AlertIcon, ClockIcon, FilterIcon, PhoneIcon, SearchIcon, SnoozeIcon } from '../shared/icons';
import { shortId } from '../shared/text';
import { clock, dateAndClock, daysAgo, shortDay, stopwatch } from '../shared/time';
import { searchTranscripts } from './deskApi';
import type { Hit } from './deskApi';
import type { DeskState } from './deskTypes';
import { Filters } from './Filters';
import { NO_FILTER, QUEUE_TABS, filtering, waitOf } from './rows';
import type { Filter, QueueTab, Row } from './rows';
import { useShell } from './shell';
import { VirtualList } from './VirtualList';

const TICK_MS = 1_000;
const ROW_PX = 80;
const SEARCH_AFTER_MS = 250;

interface QueueProps {
  state: DeskState;
  tab: QueueTab;
  cursor: number;
  search: RefObject<HTMLInputElement | null>;
  onTab(tab: QueueTab): void;
  onFilter(filter: Filter): void;
  /** Opens a conversation, at a message of it where `seq` is given. */
  onOpen(conversation: string, seq?: number): void;
  onCursor(index: number): void;
  onMore(cursor: string): void;
}

export function Queue({ state, tab, cursor, search, onTab, onFilter, onOpen, onCursor, onMore }: QueueProps) {
  const { t } = useShell();
  const now = useNow(TICK_MS);
  const [query, setQuery] = useState('');
  const [filters, setFilters] = useState(false);
  const listing = state.lists[tab];
  const rows = listing?.rows ?? [];
  const narrowed = filtering(state.filter);
  const count = (name: QueueTab): number => (narrowed === 0 && name !== 'closed' ? state.counts[name] : name === tab && name !== 'closed' ? rows.length : 0);
  return (
    <nav class="queue" aria-label={t('queue')}>
      <div class="queue-find">
        <label class="find">
          <SearchIcon />
          <span class="hidden">{t('search')}</span>
          <input
            ref={search}
            type="search"
            value={query}
            placeholder={t('search')}
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Escape') return;
              setQuery('');
              event.currentTarget.blur();
            }}
          />
        </label>
        <button type="button" class="icon-button" aria-expanded={filters} aria-controls="filters" aria-label={narrowed > 0 ? t('filtersOn', { n: narrowed }) : t('filters')} title={t('filters')} onClick={() => setFilters(!filters)}>
          <FilterIcon />
          {narrowed > 0 && <span class="dot">{narrowed}</span>}
        </button>
      </div>
      {filters && <Filters state={state} rows={rows} onFilter={onFilter} />}
      {!filters && narrowed > 0 && (
        <p class="narrowed">
          {t('narrowed', { n: narrowed })}
          <button type="button" class="text-button" onClick={() => onFilter(NO_FILTER)}>
            {t('clearFilters')}
          </button>
        </p>
      )}
      {query.trim() !== '' ? (
        <Found query={query.trim()} selected={state.selected} onOpen={onOpen} />
      ) : (
        <>
          <div class="tabs" role="tablist" aria-label={t('queue')}>
            {QUEUE_TABS.map((name) => {
              const many = count(name);
              return (
                <button key={name} type="button" role="tab" aria-selected={tab === name} aria-controls="rows" onClick={() => onTab(name)}>
                  {t(`tab_${name}`)}
                  {many > 0 && <span class={name === 'waiting' ? 'count strong' : 'count'}>{many}</span>}
                </button>
              );
            })}
          </div>
          {listing === undefined || rows.length === 0 ? (
            <div id="rows" class="rows" role="tabpanel">
              <p class="empty">{listing === undefined ? t('loading') : narrowed > 0 ? t('emptyNarrowed') : t(`empty_${tab}`)}</p>
            </div>
          ) : (
            <VirtualList
              id="rows"
              label={t(`tab_${tab}`)}
              listKey={tab}
              rows={rows}
              rowHeight={ROW_PX}
              cursor={cursor}
              keyOf={(row) => row.conversation}
              onEnd={listing.next === null ? undefined : () => listing.next !== null && onMore(listing.next)}
              draw={(row, index) => (
                <QueueRow
                  row={row}
                  now={now}
                  me={state.me}
                  team={teamName(state, row.team)}
                  current={index === cursor}
                  selected={row.conversation === state.selected}
                  onOpen={() => {
                    onCursor(index);
                    onOpen(row.conversation);
                  }}
                />
              )}
            />
          )}
        </>
      )}
    </nav>
  );
}

const teamName = (state: DeskState, team: string) => state.info?.teams.find((one) => one.id === team)?.name;

interface RowProps {
  row: Row;
  now: Date;
  me: string;
  team: { zh: string; en: string } | undefined;
  current: boolean;
  selected: boolean;
  onOpen(): void;
}

function QueueRow({ row, now, me, team, current, selected, onOpen }: RowProps) {
  const { t, lang, coded } = useShell();
  const offered = row.state === 'waiting' && row.offeredTo !== '';
  const topic = row.topicLabel?.[lang];
  const where =
    row.state === 'closed'
      ? row.mode === 'bot'
        ? t('mode_bot')
        : row.outcome
          ? coded('outcome', row.outcome)
          : t('mode_closed')
      : row.state === 'waiting' || row.agent === me
        ? coded('reason', row.reason)
        : row.agentName || row.agent;
  const parts = [topic, team?.[lang]].filter(Boolean);
  return (
    <button type="button" class={`row${selected ? ' selected' : ''}${current ? ' current' : ''} p${row.priority}`} aria-current={selected} onClick={onOpen}>
      <span class="row-top">
        {row.priority >= 2 && row.state !== 'closed' && (
          <span class="urgent-mark" title={t(`priority_${row.priority >= 3 ? 3 : 2}`)}>
            <AlertIcon />
            <span class="hidden">{t(`priority_${row.priority >= 3 ? 3 : 2}`)}</span>
          </span>
        )}
        <b>{row.customerName || row.customer || `#${shortId(row.conversation)}`}</b>
        {row.language && (
          <span class="chip" title={t(row.language === 'zh' ? 'chinese' : 'english')}>
            {row.language === 'zh' ? '中' : 'EN'}
          </span>
        )}
        {row.contact && (
          <span class="row-icon" title={t('leftContact')}>
            <PhoneIcon />
            <span class="hidden">{t('leftContact')}</span>
          </span>
        )}
        {row.unread > 0 && row.state !== 'closed' && (
          <span class="count strong" title={t('unread', { n: row.unread })}>
            {row.unread}
            <span class="hidden">{t('unread', { n: row.unread })}</span>
          </span>
        )}
        <Age row={row} now={now} />
      </span>
      <span class="row-reason">
        <span class={row.reason === 'safety' && row.state !== 'closed' ? 'why-word urgent' : 'why-word'}>{where}</span>
        {parts.length > 0 && <span class="row-more">{parts.join(' · ')}</span>}
      </span>
      <span class="row-text">
        {offered && <em>{row.offeredTo === me ? t('offeredYou') : t('offeredTo', { name: row.offeredName || row.offeredTo })} </em>}
        {row.lastRole === 'agent' && `${t('saidByAgent')} `}
        {row.lastRole === 'bot' && `${t('saidByBot')} `}
        {row.lastText || row.summary}
      </span>
    </button>
  );
}

/** How long somebody waits, with the target in shape and words, never in colour alone. */
export function Age({ row, now }: { row: Row; now: Date }) {
  const { t, lang } = useShell();
  if (row.state === 'snoozed') {
    return (
      <span class="age snoozed" title={t('snoozedUntil', { time: dateAndClock(row.snoozedUntil, lang) })}>
        <SnoozeIcon />
        {daysAgo(row.snoozedUntil, now) === 0 ? clock(row.snoozedUntil, lang) : shortDay(row.snoozedUntil, lang)}
      </span>
    );
  }
  const wait = waitOf(row, now);
  if (wait.urgency === 'none') {
    const recent = daysAgo(row.lastAt, now) === 0;
    return (
      <time class="age" dateTime={row.lastAt} title={dateAndClock(row.lastAt, lang)}>
        {recent ? clock(row.lastAt, lang) : shortDay(row.lastAt, lang)}
      </time>
    );
  }
  const waited = t(row.state === 'waiting' ? 'waited' : 'waitedAnswer', { time: stopwatch(wait.waited) });
  const target =
    wait.left === null ? '' : wait.left < 0 ? t('overBy', { time: stopwatch(-wait.left) }) : t('dueIn', { time: stopwatch(wait.left) });
  return (
    <span class={`age ${wait.urgency}`} title={target ? `${waited} · ${target}` : waited}>
      {wait.urgency === 'over' ? <AlertIcon /> : wait.urgency === 'soon' ? <ClockIcon /> : null}
      {stopwatch(wait.waited)}
      {wait.urgency !== 'calm' && <span class="hidden">{target}</span>}
    </span>
  );
}

function Found({ query, selected, onOpen }: { query: string; selected: string | null; onOpen(conversation: string, seq?: number): void }) {
  const { t, lang } = useShell();
  const [hits, setHits] = useState<Hit[] | 'loading' | 'failed'>('loading');
  const [next, setNext] = useState<string | null>(null);

  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      searchTranscripts(query).then(
        (found) => {
          if (!current) return;
          setHits(found.hits);
          setNext(found.next);
        },
        () => current && setHits('failed'),
      );
    }, SEARCH_AFTER_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [query]);

  const more = (before: string) =>
    void searchTranscripts(query, before).then(
      (found) => {
        setHits((shown) => (Array.isArray(shown) ? [...shown, ...found.hits] : shown));
        setNext(found.next);
      },
      () => undefined, // The button stays.
    );

  if (!Array.isArray(hits)) return <p class="empty">{t(hits === 'loading' ? 'loading' : 'loadFailed')}</p>;
  return (
    <div class="rows found" role="region" aria-label={t('found')}>
      <p class="narrowed" role="status">
        {hits.length === 0 ? t('foundNone') : t(next === null ? 'foundCount' : 'foundMany', { n: hits.length })}
      </p>
      {hits.map((hit) => (
        <button
          key={`${hit.conversation} ${hit.seq} ${hit.role} ${hit.at}`}
          type="button"
          class={hit.conversation === selected ? 'row selected' : 'row'}
          onClick={() => onOpen(hit.conversation, hit.seq)}
        >
          <span class="row-top">
            <b>{hit.customer || `#${shortId(hit.conversation)}`}</b>
            <span class="chip">{t(`role_${hit.role === 'customer' || hit.role === 'bot' || hit.role === 'agent' || hit.role === 'note' ? hit.role : 'system'}`)}</span>
            <time class="age" dateTime={hit.at}>
              {dateAndClock(hit.at, lang)}
            </time>
          </span>
          <span class="row-hit" dir="auto">
            {hit.parts.map((part, index) => (part.hit ? <mark key={index}>{part.text}</mark> : part.text))}
          </span>
        </button>
      ))}
      {next !== null && (
        <button type="button" class="button plain more" onClick={() => more(next)}>
          {t('loadMore')}
        </button>
      )}
    </div>
  );
}
