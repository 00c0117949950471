/** The middle column: one conversation, and what can be done with it. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useNow } from '../shared/hooks';
import { AlertIcon, BackIcon, BotIcon, DoneIcon, DownloadIcon, EyeIcon, MailIcon, MoreIcon, PhoneIcon, SnoozeIcon, TransferIcon } from '../shared/icons';
import { shortId } from '../shared/text';
import { dateAndClock, stopwatch } from '../shared/time';
import { transcriptUrl } from './deskApi';
import type { DeskClient } from './deskClient';
import { agentName, supervises } from './deskTypes';
import type { DeskState, Thread } from './deskTypes';
import { Age } from './Queue';
import { findRow } from './rows';
import type { Row } from './rows';
import { useShell } from './shell';
import { Transcript } from './Transcript';
import { Writer } from './Writer';
import type { WriterHandle } from './Writer';

const TICK_MS = 1_000;

/** What opens a window of its own. */
export type Window = 'transfer' | 'snooze' | 'close' | 'return' | 'mail';

interface ConversationProps {
  handle: RefObject<WriterHandle | null>;
  client: DeskClient;
  state: DeskState;
  mine: boolean;
  inspected: number | null;
  /** The message to be brought into sight, found by the search. */
  goTo: number | null;
  suggestion: string;
  onInspect(seq: number): void;
  onMark(seq: number): void;
  onWindow(window: Window): void;
  /** On a phone: back to the list. */
  onBack(): void;
  onContext(): void;
}

/** The row of a conversation as the lists or its own transcript give it. */
export const rowOf = (state: DeskState, conversation: string): Row | undefined =>
  findRow(state.lists, conversation) ?? state.threads[conversation]?.escalation?.row;

export function Conversation(props: ConversationProps) {
  const { t } = useShell();
  const { client, state, mine, handle } = props;
  const { selected } = state;
  const thread = selected === null ? undefined : state.threads[selected];
  if (selected === null || !thread) {
    return (
      <main class="talk blank">
        <p>
          <b>{t('chooseOne')}</b>
          {t('chooseOneHint')}
        </p>
      </main>
    );
  }
  return (
    <main class="talk">
      <Head {...props} conversation={selected} thread={thread} />
      <Refusals client={client} state={state} />
      <Offer state={state} conversation={selected} />
      {thread.contact && (
        <p class="contact-line">
          <PhoneIcon />
          <span>
            {t('leftContact')}: {[thread.contact.phone, thread.contact.email, thread.contact.note].filter(Boolean).join(' · ')}
          </span>
        </p>
      )}
      <Transcript {...props} thread={thread} conversation={selected} />
      <Writer {...{ client, thread, mine, handle, state }} suggestion={props.suggestion} conversation={selected} agent={thread.agentName || agentName(state, thread.agent)} />
    </main>
  );
}

function Head({ client, state, mine, conversation, thread, onWindow, onBack, onContext }: ConversationProps & { conversation: string; thread: Thread }) {
  const { t, lang } = useShell();
  const now = useNow(TICK_MS);
  const row = rowOf(state, conversation);
  const pending = (type: string) =>
    state.pending.some((item) => item.action.conversation === conversation && item.action.type === type && item.state !== 'failed');
  const acting = ['take', 'return', 'release', 'close', 'transfer', 'snooze', 'wake', 'reopen'].some(pending);
  const snoozed = row?.state === 'snoozed';
  const boss = supervises(state);
  const topic = row?.topicLabel?.[lang];
  const team = state.info?.teams.find((one) => one.id === row?.team)?.name[lang];
  const who = mine ? t('you') : thread.agentName || agentName(state, thread.agent) || t('someone');
  const open = thread.mode !== 'closed';
  return (
    <header class="talk-head">
      <button type="button" class="icon-button only-phone" aria-label={t('backToList')} onClick={onBack}>
        <BackIcon />
      </button>
      <div class="talk-name">
        <h2>{row?.customerName || row?.customer || `#${shortId(conversation)}`}</h2>
        <p>
          <span class={`mode ${thread.mode}`}>
            {snoozed ? t('snoozedUntil', { time: dateAndClock(row.snoozedUntil, lang) }) : t(`mode_${thread.mode}`)}
            {thread.mode === 'human' && ` · ${who}`}
          </span>
          {[topic, team].filter(Boolean).map((word) => (
            <span key={word}> · {word}</span>
          ))}
        </p>
      </div>
      {row && open && row.state !== 'closed' && <Age row={row} now={now} />}
      <div class="talk-actions">
        {thread.mode === 'waiting' && (
          <button type="button" class="button solid" disabled={acting} onClick={() => client.take(conversation)}>
            {t('take')}
          </button>
        )}
        {snoozed && (
          <button type="button" class="button outline" disabled={acting} onClick={() => client.wakeUp(conversation)}>
            {t('wake')}
          </button>
        )}
        {(thread.mode === 'bot' || (thread.mode === 'human' && !mine && boss)) && (
          <button type="button" class="button outline" disabled={acting} onClick={() => client.take(conversation, true)}>
            {t('takeOver')}
          </button>
        )}
        {(mine || (boss && thread.mode === 'human') || thread.mode === 'waiting') && (
          <IconAction label={t('transfer')} disabled={acting} onClick={() => onWindow('transfer')}>
            <TransferIcon />
          </IconAction>
        )}
        {mine && !snoozed && (
          <>
            <IconAction label={t('snooze')} disabled={acting} onClick={() => onWindow('snooze')}>
              <SnoozeIcon />
            </IconAction>
            <IconAction label={t('returnBot')} disabled={acting} onClick={() => onWindow('return')}>
              <BotIcon />
            </IconAction>
          </>
        )}
        {(mine || (open && thread.mode === 'waiting')) && (
          <button type="button" class={mine ? 'button solid' : 'button outline'} disabled={acting} onClick={() => onWindow('close')}>
            <DoneIcon />
            {t('closeConversation')}
          </button>
        )}
        {thread.mode === 'closed' && (
          <button type="button" class="button outline" disabled={acting} onClick={() => client.reopen(conversation)}>
            {t('reopen')}
          </button>
        )}
        <IconAction label={t('context')} class="only-phone" onClick={onContext}>
          <EyeIcon />
        </IconAction>
        <More>
          {(close) => (
            <>
              {mine && (
                <button type="button" onClick={() => { close(); client.release(conversation); }}>
                  <BackIcon />
                  {t('release')}
                </button>
              )}
              <a href={transcriptUrl(conversation, lang)} download onClick={close}>
                <DownloadIcon />
                {t('transcriptDownload')}
              </a>
              <button type="button" disabled={!state.info?.mail} title={state.info?.mail ? undefined : t('mailOff')} onClick={() => { close(); onWindow('mail'); }}>
                <MailIcon />
                {t('transcriptMail')}
              </button>
            </>
          )}
        </More>
      </div>
    </header>
  );
}

interface IconActionProps {
  label: string;
  class?: string;
  disabled?: boolean;
  onClick(): void;
  children: preact.ComponentChildren;
}

function IconAction({ label, disabled, onClick, children, ...rest }: IconActionProps) {
  return (
    <button type="button" class={`icon-button ${rest.class ?? ''}`} aria-label={label} title={label} disabled={disabled ?? false} onClick={onClick}>
      {children}
    </button>
  );
}

/** A small menu that goes away with Escape or a click elsewhere. */
function More({ children }: { children(close: () => void): preact.ComponentChildren }) {
  const { t } = useShell();
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const away = (event: Event) => !box.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);
  return (
    <div
      class="more-menu"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return;
        event.stopPropagation();
        setOpen(false);
        box.current?.querySelector('button')?.focus();
      }}
    >
      <button type="button" class="icon-button" aria-label={t('more')} title={t('more')} aria-expanded={open} onClick={() => setOpen(!open)}>
        <MoreIcon />
      </button>
      {open && <div class="menu">{children(() => setOpen(false))}</div>}
    </div>
  );
}

/** The conversation is offered to somebody, who has until then to take it. */
function Offer({ state, conversation }: { state: DeskState; conversation: string }) {
  const { t } = useShell();
  const now = useNow(TICK_MS);
  const row = rowOf(state, conversation);
  if (!row || row.state !== 'waiting' || row.offeredTo === '') return null;
  const left = (Date.parse(row.offeredUntil) - now.getTime()) / 1000;
  const time = Number.isNaN(left) ? '' : stopwatch(left);
  return (
    <p class={row.offeredTo === state.me ? 'offer mine' : 'offer'} role="status">
      {row.offeredTo === state.me ? t('offerYou', { time }) : t('offerOther', { name: row.offeredName || row.offeredTo })}
    </p>
  );
}

function Refusals({ client, state }: { client: DeskClient; state: DeskState }) {
  const { t, coded } = useShell();
  return (
    <>
      {state.refusals.map((refusal) => {
        const by = refusal.by || t('someone');
        const known = coded('refused', refusal.code);
        const unknown = known === refusal.code.replace(/_/g, ' ');
        return (
          <div key={refusal.id} class="refusal" role="alert">
            <AlertIcon />
            <span>{unknown ? t('refused_other', { message: refusal.message || known }) : known.replace('{by}', by)}</span>
            <button type="button" class="text-button" onClick={() => client.dismiss(refusal.id)}>
              {t('dismiss')}
            </button>
          </div>
        );
      })}
    </>
  );
}
