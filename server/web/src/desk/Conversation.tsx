/** The middle column: one conversation, and writing in it. */
import type { RefObject } from 'preact';
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { RichText } from '../shared/RichText';
import { AlertIcon, ClockIcon, TickIcon } from '../shared/icons';
import { sendsMessage } from '../shared/keys';
import { MESSAGE_LIMIT, codePoints, shortId } from '../shared/text';
import { clock, dateAndClock } from '../shared/time';
import type { DeskClient } from './deskClient';
import { agentName } from './deskState';
import type { DeskMessage, DeskState, Pending, Thread } from './deskState';
import { useShell } from './shell';

const NEAR_BOTTOM_PX = 80;
const TALLEST_PX = 180;

type Kind = 'message' | 'note';

/** Unsent words, kept while another conversation is on the screen. */
const drafts = new Map<string, string>();

export interface ConversationHandle {
  /** Puts the cursor into the text field. */
  write(kind: Kind): void;
  insert(text: string): void;
}

interface ConversationProps {
  /** Filled while a conversation is open. */
  handle: RefObject<ConversationHandle | null>;
  client: DeskClient;
  state: DeskState;
  mine: boolean;
  inspected: number | null;
  onInspect(seq: number): void;
  onClose(): void;
}

export function Conversation({ handle, client, state, mine, inspected, onInspect, onClose }: ConversationProps) {
  const { t } = useShell();
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
  const row = Object.values(state.lists)
    .flat()
    .find((candidate) => candidate.conversation === selected);
  const busy = (type: string) =>
    state.pending.some((item) => item.action.conversation === selected && item.action.type === type && item.state !== 'failed');
  const acting = busy('take') || busy('return') || busy('release') || busy('close');
  return (
    <main class="talk">
      <header class="talk-head">
        <div class="talk-name">
          <h2>{thread.customer || row?.customer || `#${shortId(selected)}`}</h2>
          <span class={`mode ${thread.mode}`}>
            {t(`mode_${thread.mode}`)}
            {thread.mode === 'human' && ` · ${mine ? t('you') : agentName(state, thread.agent) || t('someone')}`}
          </span>
        </div>
        {thread.mode !== 'closed' && (
          <div class="talk-actions">
            {thread.mode === 'waiting' && (
              <button type="button" class="button solid" disabled={acting} onClick={() => client.take(selected)}>
                {t('take')}
              </button>
            )}
            {mine && (
              <>
                <button type="button" class="button outline" disabled={acting} onClick={() => client.release(selected)}>
                  {t('release')}
                </button>
                <button type="button" class="button outline" disabled={acting} onClick={() => client.giveBack(selected)}>
                  {t('returnBot')}
                </button>
                <button type="button" class="button solid" disabled={acting} onClick={onClose}>
                  {t('closeConversation')}
                </button>
              </>
            )}
          </div>
        )}
      </header>
      <Refusals client={client} state={state} />
      <Transcript {...{ client, state, thread, mine, inspected, onInspect }} conversation={selected} />
      <Writer {...{ client, thread, mine, handle }} conversation={selected} agent={agentName(state, thread.agent)} />
    </main>
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
            <span>
              {unknown ? t('refused_other', { message: refusal.message || known }) : known.replace('{by}', by)}
            </span>
            <button type="button" class="text-button" onClick={() => client.dismiss(refusal.id)}>
              {t('dismiss')}
            </button>
          </div>
        );
      })}
    </>
  );
}

interface TranscriptProps {
  client: DeskClient;
  state: DeskState;
  thread: Thread;
  conversation: string;
  mine: boolean;
  inspected: number | null;
  onInspect(seq: number): void;
}

function Transcript({ client, state, thread, conversation, mine, inspected, onInspect }: TranscriptProps) {
  const { t } = useShell();
  const box = useRef<HTMLDivElement>(null);
  const atBottom = useRef(true);
  const pending = state.pending.filter(
    (item) => item.action.conversation === conversation && (item.action.type === 'message' || item.action.type === 'note'),
  );
  const lastSeq = thread.messages.findLast((message) => message.seq > 0)?.seq ?? 0;

  useLayoutEffect(() => {
    const list = box.current;
    if (list && atBottom.current) list.scrollTop = list.scrollHeight;
  }, [thread.messages.length, pending.length, thread.customerTyping, thread.status]);

  useEffect(() => {
    if (mine && lastSeq > 0 && document.visibilityState === 'visible') client.read(conversation, lastSeq);
  });

  return (
    <div
      class="transcript"
      ref={box}
      role="log"
      aria-live={thread.status === 'ready' ? 'polite' : 'off'}
      tabIndex={0}
      onScroll={() => {
        const list = box.current;
        if (list) atBottom.current = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_BOTTOM_PX;
      }}
    >
      {thread.status === 'loading' && thread.messages.length === 0 && <p class="empty">{t('loading')}</p>}
      {thread.status === 'failed' && (
        <p class="empty">
          {t('loadFailed')}{' '}
          <button type="button" class="text-button" onClick={() => void client.load(conversation)}>
            {t('tryAgain')}
          </button>
        </p>
      )}
      {thread.messages.map((message) => (
        <Line
          key={message.role === 'note' ? `n-${message.at}-${message.text}` : message.seq}
          message={message}
          inspected={message.role === 'bot' && message.seq === inspected}
          onInspect={onInspect}
        />
      ))}
      {pending.map((item) => (
        <PendingLine key={item.action.id} item={item} client={client} />
      ))}
      {thread.customerTyping && <p class="typing">{t('customerTyping')}</p>}
    </div>
  );
}

function Line({ message, inspected, onInspect }: { message: DeskMessage; inspected: boolean; onInspect(seq: number): void }) {
  const { t, lang } = useShell();
  const who = message.role === 'agent' || message.role === 'note' ? message.name || t(`role_${message.role}`) : t(`role_${message.role}`);
  const bot = message.role === 'bot';
  return (
    <div class={`line ${message.role}${inspected ? ' inspected' : ''}`}>
      <div class="line-head">
        <b>{who}</b>
        {message.role === 'note' && <span class="chip">{t('role_note')}</span>}
        <time dateTime={message.at} title={dateAndClock(message.at, lang)}>
          {clock(message.at, lang)}
        </time>
        {bot && (
          <button
            type="button"
            class="text-button why-button"
            title={t('showDecision')}
            aria-pressed={inspected}
            onClick={() => onInspect(message.seq)}
          >
            {t('decision')}
          </button>
        )}
      </div>
      <div
        class="line-text"
        dir="auto"
        onClick={bot ? () => onInspect(message.seq) : undefined}
      >
        <RichText text={message.text} />
      </div>
      {message.choices && (
        <div class="line-extra">
          {message.choices.map((choice) => (
            <span key={choice.value} class="chip">
              {choice.label}
            </span>
          ))}
        </div>
      )}
      {message.citations && (
        <div class="line-extra">
          {message.citations.map((citation, index) => (
            <span key={index} class="cited">
              {citation.title}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}

function PendingLine({ item, client }: { item: Pending; client: DeskClient }) {
  const { t } = useShell();
  const { action } = item;
  if (action.type !== 'message' && action.type !== 'note') return null;
  return (
    <div class={`line ${action.type === 'note' ? 'note' : 'agent'} unsent`}>
      <div class="line-text" dir="auto">
        <RichText text={action.text} />
      </div>
      <div class="line-head">
        {item.state === 'failed' ? (
          <>
            <AlertIcon />
            {t('notSent')}
            <button type="button" class="text-button" onClick={() => client.retry(action.id)}>
              {t('retry')}
            </button>
            <button type="button" class="text-button" onClick={() => client.dismiss(action.id)}>
              {t('dismiss')}
            </button>
          </>
        ) : (
          <>
            {item.state === 'acked' ? <TickIcon /> : <ClockIcon />}
            {t('sending')}
          </>
        )}
      </div>
    </div>
  );
}

interface WriterProps {
  client: DeskClient;
  thread: Thread;
  conversation: string;
  /** Who has the conversation. */
  agent: string;
  mine: boolean;
  handle: RefObject<ConversationHandle | null>;
}

function Writer({ client, thread, conversation, agent, mine, handle }: WriterProps) {
  const { t } = useShell();
  const [wanted, setWanted] = useState<Kind>('message');
  const [value, setValue] = useState(drafts.get(conversation) ?? '');
  const field = useRef<HTMLTextAreaElement>(null);
  const kind: Kind = mine ? wanted : 'note';
  const left = MESSAGE_LIMIT - codePoints(value);
  const sendable = value.trim() !== '' && left >= 0;

  useEffect(() => {
    if (value) drafts.set(conversation, value);
    else drafts.delete(conversation);
  }, [conversation, value]);

  useEffect(() => {
    if (mine) field.current?.focus();
  }, [mine]);

  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight, TALLEST_PX)}px`;
  }, [value]);

  useImperativeHandle(
    handle,
    () => ({
      write(next) {
        setWanted(next);
        field.current?.focus();
      },
      insert(text) {
        setWanted('message');
        setValue((before) => (before.trim() ? `${before.trimEnd()}\n${text}` : text));
        field.current?.focus();
      },
    }),
    [],
  );

  const send = () => {
    if (!sendable) return;
    client.write(kind, conversation, value.trim());
    setValue('');
  };

  const hint =
    thread.mode === 'closed'
      ? t('closedNow')
      : thread.mode === 'bot'
        ? t('withBot')
        : thread.mode === 'human' && !mine
          ? t('withOther', { name: agent || t('someone') })
          : t('takeFirst');
  return (
    <form
      class={`writer ${kind}`}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {mine ? (
        <div class="writer-kinds" role="group">
          {(['message', 'note'] as const).map((name) => (
            <button key={name} type="button" aria-pressed={kind === name} onClick={() => setWanted(name)}>
              {t(name === 'message' ? 'modeMessage' : 'modeNote')}
            </button>
          ))}
        </div>
      ) : (
        <p class="writer-hint">{hint}</p>
      )}
      <div class="writer-field">
        <textarea
          ref={field}
          rows={2}
          value={value}
          placeholder={t(kind)}
          aria-label={t(kind)}
          aria-invalid={left < 0}
          dir="auto"
          onInput={(event) => {
            setValue(event.currentTarget.value);
            if (kind === 'message') client.typing(conversation, event.currentTarget.value !== '');
          }}
          onKeyDown={(event) => {
            if (!sendsMessage(event)) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="button solid" disabled={!sendable}>
          {kind === 'note' ? t('addNote') : t('send')}
        </button>
      </div>
      {left < 200 && <p class={left < 0 ? 'writer-count over' : 'writer-count'}>{left}</p>}
    </form>
  );
}
