/** What was said and done in a conversation. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { RichText } from '../shared/RichText';
import { AlertIcon, ClockIcon, FlagIcon, MicrophoneIcon, NoteIcon, TickIcon, TwoTicksIcon } from '../shared/icons';
import type { Picture } from '../shared/frames';
import { text } from '../shared/frames';
import { clock, dateAndClock } from '../shared/time';
import { fetchPictureText } from './deskApi';
import type { Happening, Mark } from './deskApi';
import type { DeskClient } from './deskClient';
import { deliveryOf, lastSeq } from './deskThread';
import { agentName } from './deskTypes';
import type { DeskMessage, DeskState, Pending, Thread } from './deskTypes';
import { useFetched } from './panel';
import { translationOf } from './translation';
import type { Translation } from './translation';
import { useShell } from './shell';

const NEAR_BOTTOM_PX = 80;
/** Largest side of a picture in the transcript. */
const PICTURE_PX = 260;

interface TranscriptProps {
  client: DeskClient;
  state: DeskState;
  thread: Thread;
  conversation: string;
  mine: boolean;
  inspected: number | null;
  goTo: number | null;
  onInspect(seq: number): void;
  onMark(seq: number): void;
}

export function Transcript({ client, state, thread, conversation, mine, inspected, goTo, onInspect, onMark }: TranscriptProps) {
  const { t, lang } = useShell();
  const box = useRef<HTMLDivElement>(null);
  const atBottom = useRef(true);
  const lastTop = useRef(0);
  const pending = state.pending.filter(
    (item) => item.action.conversation === conversation && (item.action.type === 'message' || item.action.type === 'note'),
  );
  const last = lastSeq(thread.messages);
  const lastOwn = thread.messages.findLast((message) => message.role === 'agent')?.seq ?? 0;
  const writing = Object.values(thread.writing);

  useLayoutEffect(() => {
    const list = box.current;
    if (list && atBottom.current && goTo === null) list.scrollTop = list.scrollHeight;
  }, [thread.messages.length, thread.happenings.length, pending.length, thread.customerTyping, writing.length, thread.translations, thread.status, goTo]);

  useEffect(() => {
    const list = box.current;
    if (!list) return undefined;
    // The text field grows, a suggestion appears above it: what was at the bottom stays there.
    const watch = new ResizeObserver(() => {
      if (atBottom.current) list.scrollTop = list.scrollHeight;
    });
    watch.observe(list);
    return () => watch.disconnect();
  }, []);

  useEffect(() => {
    if (goTo === null || thread.status !== 'ready') return;
    const found = box.current?.querySelector(`[data-seq="${goTo}"]`);
    found?.scrollIntoView({ block: 'center' });
    atBottom.current = false;
  }, [goTo, thread.status]);

  useEffect(() => {
    if (mine && last > 0 && document.visibilityState === 'visible') client.read(conversation, last);
  });

  const translationFor = (message: DeskMessage): LineProps['translation'] => {
    if (message.role !== 'customer' || state.info?.translation !== true) return null;
    const wanted = translationOf(message.text, thread.locale, lang);
    if (!wanted) return null;
    const known = thread.translations[message.seq];
    return {
      known: known?.to === lang ? known : undefined,
      ask: () => void client.translate(conversation, message.seq, message.text, wanted.source, wanted.target),
    };
  };

  return (
    <div
      class="transcript"
      ref={box}
      role="log"
      aria-label={t('transcript')}
      aria-live={thread.status === 'ready' ? 'polite' : 'off'}
      tabIndex={0}
      onScroll={() => {
        const list = box.current;
        if (!list) return;
        // Only a move upwards leaves the bottom; what grew below since the last move does not.
        if (list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_BOTTOM_PX) atBottom.current = true;
        else if (list.scrollTop < lastTop.current) atBottom.current = false;
        lastTop.current = list.scrollTop;
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
      {woven(thread).map((item) =>
        item.message ? (
          <Line
            key={item.key}
            message={item.message}
            found={item.message.seq === goTo && goTo !== null}
            inspected={item.message.role === 'bot' && item.message.seq === inspected}
            marks={thread.marks.filter((mark) => mark.seq === item.message?.seq && item.message.role === 'bot')}
            delivery={item.message.role === 'agent' ? <Delivery thread={thread} seq={item.message.seq} last={item.message.seq === lastOwn} /> : null}
            translation={translationFor(item.message)}
            {...{ onInspect, onMark }}
          />
        ) : (
          <Happened key={item.key} state={state} happening={item.happening} />
        ),
      )}
      {pending.map((item) => (
        <PendingLine key={item.action.id} item={item} client={client} />
      ))}
      {thread.customerTyping && (
        <p class="typing" dir="auto">
          {thread.customerSaying ? t('customerSaying', { text: thread.customerSaying }) : t('customerTyping')}
        </p>
      )}
      {writing.length > 0 && <p class="typing">{t('colleagueTyping', { name: writing.join(', ') })}</p>}
    </div>
  );
}

type Woven = { key: string; at: string; message: DeskMessage; happening?: never } | { key: string; at: string; happening: Happening; message?: never };

/** What happened beside the messages and has no words of its own there. */
const TOLD = new Set(['transferred', 'snoozed', 'woken', 'rated']);

/** Messages and happenings as one line of time. */
function woven(thread: Thread): Woven[] {
  const items: Woven[] = thread.messages.map((message) => ({
    key: message.role === 'note' ? `n-${message.client_id ?? message.at}` : `m-${message.seq}`,
    at: message.at,
    message,
  }));
  for (const happening of thread.happenings) {
    if (!TOLD.has(happening.type) || !happening.at) continue;
    let at = items.length;
    while (at > 0 && (items[at - 1]?.at ?? '') > happening.at) at -= 1;
    items.splice(at, 0, { key: `h-${happening.event}`, at: happening.at, happening });
  }
  return items;
}

function Happened({ state, happening }: { state: DeskState; happening: Happening }) {
  const { t, lang } = useShell();
  const { type, frame, at } = happening;
  const who = text(frame['name']) ?? agentName(state, text(frame['agent']) ?? '');
  const to = (frame['to'] ?? {}) as Record<string, unknown>;
  const team = state.info?.teams.find((one) => one.id === to['team'])?.name[lang];
  const target = text(to['name']) ?? team ?? text(to['agent']) ?? text(to['team']) ?? '';
  const note = text(frame['note']);
  const words =
    type === 'transferred'
      ? t('happened_transferred', { who: who || t('someone'), target })
      : type === 'snoozed'
        ? t('happened_snoozed', { time: dateAndClock(text(frame['until']) ?? '', lang) })
        : type === 'woken'
          ? t('happened_woken')
          : t('happened_rated', { n: Number(frame['score'] ?? 0) });
  return (
    <div class="line system happened">
      <time dateTime={at}>{clock(at, lang)}</time>
      <span>
        {words}
        {note && <q>{note}</q>}
      </span>
    </div>
  );
}

function Delivery({ thread, seq, last }: { thread: Thread; seq: number; last: boolean }) {
  const { t } = useShell();
  const delivery = deliveryOf(thread, seq);
  return (
    <span class={`delivery ${delivery}`} title={t(`delivery_${delivery}`)}>
      {delivery === 'stored' ? <TickIcon /> : <TwoTicksIcon />}
      <span class={last ? '' : 'hidden'}>{t(`delivery_${delivery}`)}</span>
    </span>
  );
}

interface LineProps {
  message: DeskMessage;
  inspected: boolean;
  found: boolean;
  marks: readonly Mark[];
  delivery: preact.ComponentChild;
  /** Null where there is nothing to translate, or nobody who could. */
  translation: { known: Translation | undefined; ask(): void } | null;
  onInspect(seq: number): void;
  onMark(seq: number): void;
}

function Line({ message, inspected, found, marks, delivery, translation, onInspect, onMark }: LineProps) {
  const { t, lang, intent } = useShell();
  const who = message.role === 'agent' || message.role === 'note' ? message.name || t(`role_${message.role}`) : t(`role_${message.role}`);
  const bot = message.role === 'bot';
  return (
    <div class={`line ${message.role}${inspected ? ' inspected' : ''}${found ? ' sought' : ''}`} data-seq={message.seq || undefined}>
      <div class="line-head">
        {message.role === 'note' && (
          <span class="note-mark">
            <NoteIcon />
            {t('internalNote')}
          </span>
        )}
        <b>{who}</b>
        <time dateTime={message.at} title={dateAndClock(message.at, lang)}>
          {clock(message.at, lang)}
        </time>
        {message.voice && (
          <span class="spoken" title={t('spoken')}>
            <MicrophoneIcon />
            <span class="hidden">{t('spoken')}</span>
          </span>
        )}
        {delivery}
        {bot && (
          <span class="line-tools">
            <button type="button" class="text-button" title={t('showDecision')} aria-pressed={inspected} onClick={() => onInspect(message.seq)}>
              {t('decision')}
            </button>
            <button type="button" class="text-button" title={t('markHint')} onClick={() => onMark(message.seq)}>
              {t('mark')}
            </button>
          </span>
        )}
      </div>
      {message.image && <Shown picture={message.image} />}
      {message.image && message.role === 'customer' && <ReadInPicture id={message.image.id} />}
      {message.text && (
        <div class="line-text" dir="auto" onClick={bot ? () => onInspect(message.seq) : undefined}>
          <RichText text={message.text} />
        </div>
      )}
      {message.heard !== undefined && (
        <p class="typing">{message.heard ? t('heardUpTo', { text: message.heard }) : t('notHeard')}</p>
      )}
      {translation && <Translated {...translation} />}
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
      {marks.map((mark, index) => (
        <p key={index} class="marked">
          <FlagIcon />
          <span>
            {mark.intent ? t('markedAs', { name: mark.name, intent: intent(mark.intent) }) : t('marked', { name: mark.name })}
            {mark.comment && ` — ${mark.comment}`}
          </span>
        </p>
      ))}
    </div>
  );
}

/** The offer to translate a message, then its translation; the message itself stays above. */
export function Translated({ known, ask }: { known: Translation | undefined; ask(): void }) {
  const { t } = useShell();
  const [hidden, setHidden] = useState(false);
  const asked = known?.state === 'asked';
  const shown = known?.state === 'done' && !hidden;
  const press = () => {
    if (known?.state === 'done') setHidden(!hidden);
    else if (!asked) ask();
  };
  const failed = known && known.state !== 'done' && known.state !== 'asked' ? known.state : undefined;
  // One button throughout, so that the focus stays on it.
  return (
    <div class={shown ? 'translation shown' : 'translation'}>
      {shown && (
        <p key="text" lang={known.to === 'zh' ? 'zh-Hans' : 'en'} dir="auto">
          <b>{t('machineTranslation')}</b>
          {known.text}
        </p>
      )}
      {failed && <span key="failed">{t(`translation_${failed}`)} </span>}
      <button key="press" type="button" class="text-button" aria-disabled={asked} onClick={press}>
        {t(asked ? 'translating' : shown ? 'translationHide' : failed ? 'tryAgain' : 'translate')}
      </button>
    </div>
  );
}

function Shown({ picture }: { picture: Picture }) {
  const { t } = useShell();
  const share = Math.min(1, PICTURE_PX / Math.max(picture.width, picture.height, 1));
  return (
    <a class="picture" href={picture.url} target="_blank" rel="noopener noreferrer">
      <img
        src={picture.url}
        alt={picture.alt || t('picture')}
        width={Math.round(picture.width * share) || undefined}
        height={Math.round(picture.height * share) || undefined}
        loading="lazy"
      />
    </a>
  );
}

/** What was read in a customer's picture: an agent sees at a glance what the bot went by. */
function ReadInPicture({ id }: { id: string }) {
  const { t } = useShell();
  const { value } = useFetched(() => fetchPictureText(id), [id]);
  if (typeof value === 'string' || value.length === 0) return null;
  return (
    <p class="picture-text" dir="auto">
      <b>{t('pictureRead')}</b> {value.join(' · ')}
    </p>
  );
}

function PendingLine({ item, client }: { item: Pending; client: DeskClient }) {
  const { t, coded } = useShell();
  const { action } = item;
  if (action.type !== 'message' && action.type !== 'note') return null;
  const overtaken = item.code === 'overtaken' || item.code === 'writing';
  return (
    <div class={`line ${action.type === 'note' ? 'note' : 'agent'} unsent`}>
      {item.picture && <Shown picture={item.picture} />}
      {action.text && (
        <div class="line-text" dir="auto">
          <RichText text={action.text} />
        </div>
      )}
      <div class="line-head" role={item.state === 'failed' ? 'alert' : undefined}>
        {item.state === 'failed' ? (
          <>
            <AlertIcon />
            {t('notSent')}
            {item.code && `: ${coded('refused', item.code).replace('{by}', item.by || t('someone'))}`}
            <button type="button" class="text-button" onClick={() => (overtaken ? client.force(action.id) : client.retry(action.id))}>
              {t(overtaken ? 'sendAnyway' : 'retry')}
            </button>
            <button type="button" class="text-button" onClick={() => client.dismiss(action.id)}>
              {t('discard')}
            </button>
          </>
        ) : (
          <>
            {item.state === 'acked' ? <TickIcon /> : <ClockIcon />}
            {t(item.state === 'acked' ? 'delivery_stored' : 'sending')}
          </>
        )}
      </div>
    </div>
  );
}
