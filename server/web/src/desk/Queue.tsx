/** The left column: which conversations there are. */
import { useEffect, useRef } from 'preact/hooks';
import { useNow } from '../shared/hooks';
import { QUEUE_TABS } from '../shared/rest';
import type { QueueTab, Row } from '../shared/rest';
import { shortId } from '../shared/text';
import { clock, dateAndClock, stopwatch } from '../shared/time';
import { agentName } from './deskState';
import type { DeskState } from './deskState';
import { useShell } from './shell';

const TICK_MS = 1_000;
/** Seconds of waiting after which a row is shown as late, and as very late. */
const LATE_S = 120;
const VERY_LATE_S = 300;

interface QueueProps {
  state: DeskState;
  tab: QueueTab;
  cursor: number;
  onTab(tab: QueueTab): void;
  onOpen(conversation: string): void;
  onCursor(index: number): void;
  onMore(before: number): void;
}

export function Queue({ state, tab, cursor, onTab, onOpen, onCursor, onMore }: QueueProps) {
  const { t } = useShell();
  const now = useNow(TICK_MS);
  const rows = state.lists[tab];
  const last = rows?.at(-1);
  return (
    <nav class="queue" aria-label={t('queue')}>
      <div class="tabs" role="tablist">
        {QUEUE_TABS.map((name) => {
          const count = name === 'waiting' || name === 'mine' ? (state.lists[name]?.length ?? 0) : 0;
          return (
            <button key={name} type="button" role="tab" aria-selected={tab === name} aria-controls="rows" onClick={() => onTab(name)}>
              {t(`tab_${name}`)}
              {count > 0 && <span class={name === 'waiting' ? 'count strong' : 'count'}>{count}</span>}
            </button>
          );
        })}
      </div>
      <div id="rows" class="rows" role="tabpanel">
        {rows === undefined ? (
          <p class="empty">{t('loading')}</p>
        ) : rows.length === 0 ? (
          <p class="empty">{t(`empty_${tab}`)}</p>
        ) : (
          rows.map((row, index) => (
            <QueueRow
              key={row.conversation}
              row={row}
              agent={agentName(state, row.agent)}
              now={now}
              current={index === cursor}
              selected={row.conversation === state.selected}
              unread={state.unread[row.conversation] ?? 0}
              onOpen={() => {
                onCursor(index);
                onOpen(row.conversation);
              }}
            />
          ))
        )}
        {last?.id && state.full[tab] === false && (
          <button type="button" class="button plain more" onClick={() => last.id !== null && onMore(last.id)}>
            {t('loadMore')}
          </button>
        )}
      </div>
    </nav>
  );
}

interface RowProps {
  row: Row;
  agent: string;
  now: Date;
  current: boolean;
  selected: boolean;
  unread: number;
  onOpen(): void;
}

function QueueRow({ row, agent, now, current, selected, unread, onOpen }: RowProps) {
  const { t, lang, coded } = useShell();
  const box = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (current) box.current?.scrollIntoView({ block: 'nearest' });
  }, [current]);
  const waited = Math.max(0, (now.getTime() - new Date(row.since).getTime()) / 1000);
  const age = waited >= VERY_LATE_S ? 'very-late' : waited >= LATE_S ? 'late' : 'fresh';
  const waiting = row.mode === 'waiting' && !Number.isNaN(waited);
  return (
    <button
      ref={box}
      type="button"
      class={`row${selected ? ' selected' : ''}${current ? ' current' : ''}`}
      aria-current={selected}
      onClick={onOpen}
    >
      <span class="row-top">
        <b>{row.customer || `#${shortId(row.conversation)}`}</b>
        {row.language && (
          <span class="chip" title={t(row.language === 'zh' ? 'chinese' : 'english')}>
            {row.language === 'zh' ? '中' : 'EN'}
          </span>
        )}
        {unread > 0 && (
          <span class="count strong" title={t('unread', { n: unread })}>
            {unread}
          </span>
        )}
        {waiting ? (
          <span class={`age ${age}`} title={t('waited', { time: stopwatch(waited) })}>
            {stopwatch(waited)}
          </span>
        ) : (
          <time class="age" dateTime={row.lastAt} title={dateAndClock(row.lastAt, lang)}>
            {clock(row.lastAt, lang)}
          </time>
        )}
      </span>
      <span class={row.reason === 'safety' && waiting ? 'row-reason urgent' : 'row-reason'}>
        {waiting && row.reason ? coded('reason', row.reason) : t(`mode_${row.mode}`)}
        {row.mode === 'human' && agent && ` · ${agent}`}
      </span>
      <span class="row-text">{row.lastText || row.summary}</span>
    </button>
  );
}
