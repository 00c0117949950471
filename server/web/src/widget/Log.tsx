/** The list of messages. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { chat as en } from '../i18n/en';
import { chat as zh } from '../i18n/zh';
import { lookUp } from '../i18n';
import type { Translate } from '../i18n';
import type { ChatClient } from '../shared/chatClient';
import type { ChatState, Outgoing } from '../shared/chatState';
import type { Citation, Lang, Picture } from '../shared/frames';
import { useNow } from '../shared/hooks';
import { AlertIcon, ArticleIcon, ClockIcon, DownIcon, DownThumbIcon, MicrophoneIcon, TickIcon, UpThumbIcon } from '../shared/icons';
import { RichText } from '../shared/RichText';
import { safeLink } from '../shared/text';
import { clock, dateAndClock, day } from '../shared/time';
import { timeline } from './timeline';
import type { Item } from './timeline';

export type T = Translate<typeof zh>;

const NEAR_BOTTOM_PX = 80;
const CLOCK_MS = 60_000;

interface LogProps {
  client: ChatClient;
  state: ChatState;
  t: T;
  /** Address of the serving host: what citations resolve against. */
  origin: string;
  onArticle(event: MouseEvent, href: string): void;
  /** A choice was made with the keyboard: its button, which had the focus, is spent. */
  onChosen(): void;
}

export function Log({ client, state, t, origin, onArticle, onChosen }: LogProps) {
  const now = useNow(CLOCK_MS);
  const scroller = useRef<HTMLDivElement>(null);
  const atBottom = useRef(true);
  const [behind, setBehind] = useState(false);
  const items = timeline(state, now);
  const count = state.messages.length + state.outbox.length;
  const lastOwn = state.outbox.at(-1)?.frame.id;

  const toBottom = () => {
    const box = scroller.current;
    if (box) box.scrollTop = box.scrollHeight;
    atBottom.current = true;
    setBehind(false);
  };

  useLayoutEffect(() => {
    if (atBottom.current) toBottom();
    else setBehind(true);
  }, [count, state.typing]);

  useLayoutEffect(toBottom, [lastOwn, state.conversation]);

  useEffect(() => {
    const box = scroller.current;
    if (!box) return undefined;
    // The text field grows, the keyboard opens: what was at the bottom stays there.
    const watch = new ResizeObserver(() => atBottom.current && toBottom());
    watch.observe(box);
    return () => watch.disconnect();
  }, []);

  useEffect(() => {
    if (document.visibilityState !== 'visible' || !atBottom.current) return;
    client.read(state.lastSeq);
  });

  const onScroll = () => {
    const box = scroller.current;
    if (!box) return;
    atBottom.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_BOTTOM_PX;
    if (atBottom.current) setBehind(false);
  };

  return (
    <div class="log-frame">
      <div
        class="log"
        ref={scroller}
        onScroll={onScroll}
        role="log"
        aria-live="polite"
        aria-relevant="additions"
        aria-busy={state.replaying}
        aria-label={t('messages')}
        tabIndex={0}
      >
        {items.map((item) => (
          <Entry key={item.key} item={item} {...{ client, state, t, origin, onArticle, onChosen }} />
        ))}
        {state.typing && <Typing state={state} t={t} />}
      </div>
      {behind && (
        <button type="button" class="pill" onClick={toBottom}>
          <DownIcon />
          {t('newMessages')}
        </button>
      )}
    </div>
  );
}

function Typing({ state, t }: { state: ChatState; t: T }) {
  const words = state.typing === 'agent' ? t('typingAgent', { name: state.agent ?? t('agent') }) : t('typingBot');
  return (
    <div class="row bot">
      <div class="bubble typing">
        <span class="dots" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        <span class={state.typing === 'agent' ? 'typing-words' : 'hidden'}>{words}</span>
      </div>
    </div>
  );
}

type EntryProps = LogProps & { item: Item };

function Entry({ item, client, state, t, origin, onArticle, onChosen }: EntryProps) {
  const lang: Lang = state.locale;
  if (item.kind === 'day') {
    const words = item.daysAgo === 0 ? t('today') : item.daysAgo === 1 ? t('yesterday') : day(item.at, new Date(), lang);
    return (
      <div class="day">
        <span>{words}</span>
      </div>
    );
  }
  if (item.kind === 'pending') return <Pending item={item.item} first={item.first} {...{ client, t, lang }} />;

  const { message } = item;
  const time = (
    <time dateTime={message.at} title={dateAndClock(message.at, lang)}>
      {clock(message.at, lang)}
    </time>
  );
  if (message.role === 'system') {
    return (
      <div class="system">
        <RichText text={message.text} />
        {message.choices && <Choices {...{ item, client, t, onChosen }} />}
      </div>
    );
  }
  const own = message.role === 'customer';
  const speaker = own ? t('you') : message.role === 'agent' ? (message.name ?? t('agent')) : t('assistant');
  return (
    <div class={`row ${message.role}${item.first ? ' first' : ''}`}>
      {item.first && !own && message.role === 'agent' ? (
        <div class="speaker">{speaker}</div>
      ) : (
        <span class="hidden">{speaker}: </span>
      )}
      {message.step && message.step.kind !== 'ask' && (
        <div class={`step ${message.step.kind}`}>{t(STEP_TEXT[message.step.kind])}</div>
      )}
      {message.image && <Shown picture={message.image} token={state.token} origin={origin} t={t} />}
      {(message.text || !message.image) && (
        <div class="bubble" dir="auto">
          <RichText text={message.text} />
        </div>
      )}
      {message.step?.retest && <div class="retest">{t('retest')}</div>}
      {message.citations && (
        <Citations list={message.citations} said={message.text} {...{ t, origin, onArticle }} />
      )}
      {message.choices && <Choices {...{ item, client, t, onChosen }} />}
      {(item.last || item.delivery) && (
        <div class="meta">
          {message.voice && (
            <span class="spoken" title={t('voiceSaid')}>
              <MicrophoneIcon />
              <span class="hidden">{t('voiceSaid')}</span>
            </span>
          )}
          {time}
          {item.delivery && (
            <span class="delivery">
              <TickIcon />
              {t(item.delivery)}
            </span>
          )}
          {item.rateable && item.last && <Rating seq={message.seq} score={state.feedback[message.seq]} client={client} t={t} />}
        </div>
      )}
    </div>
  );
}

/** Largest side of a picture in the conversation. */
const PICTURE_PX = 220;

function Shown({ picture, token, origin, t }: { picture: Picture; token: string | null; origin: string; t: T }) {
  const url = new URL(picture.url, origin);
  if (token) url.searchParams.set('token', token);
  const share = Math.min(1, PICTURE_PX / Math.max(picture.width, picture.height, 1));
  return (
    <a class="picture" href={url.href} target="_blank" rel="noopener noreferrer">
      <img
        src={url.href}
        alt={picture.alt || t('picture')}
        width={Math.round(picture.width * share) || undefined}
        height={Math.round(picture.height * share) || undefined}
      />
    </a>
  );
}

const STEP_TEXT = { check: 'stepCheck', fix: 'stepFix', confirm: 'stepConfirm', ask: 'stepAsk' } as const;

interface PendingProps {
  item: Outgoing;
  first: boolean;
  client: ChatClient;
  t: T;
  lang: Lang;
}

function Pending({ item, first, client, t, lang }: PendingProps) {
  const { id } = item.frame;
  const failed = item.state === 'failed';
  const words = failed ? (lookUp(lang === 'zh' ? zh : en, `error_${item.error}`) ?? t('failed')) : '';
  return (
    <div class={`row customer${first ? ' first' : ''}`}>
      <span class="hidden">{t('you')}: </span>
      <div class={`bubble${item.state === 'acked' ? '' : ' faint'}`} dir="auto">
        <RichText text={item.label} />
      </div>
      <div class={failed ? 'meta failed' : 'meta'}>
        {failed ? (
          <>
            <span class="delivery">
              <AlertIcon />
              {words}
            </span>
            <button type="button" class="text-button" onClick={() => client.retry(id)}>
              {t('retry')}
            </button>
            <button type="button" class="text-button" onClick={() => client.discard(id)}>
              {t('discard')}
            </button>
          </>
        ) : (
          <span class="delivery">
            {item.state === 'acked' ? <TickIcon /> : <ClockIcon />}
            {t(item.state === 'acked' ? 'sent' : item.state === 'sent' ? 'sending' : 'queued')}
          </span>
        )}
      </div>
    </div>
  );
}

interface CitationsProps extends Pick<LogProps, 't' | 'origin' | 'onArticle'> {
  list: Citation[];
  /** The answer: a passage that it gives word for word is not shown twice. */
  said: string;
}

function Citations({ list, said, t, origin, onArticle }: CitationsProps) {
  const links = list.flatMap((citation) => {
    const link = safeLink(citation.url, origin);
    return link ? [{ ...citation, ...link }] : [];
  });
  if (links.length === 0) return null;
  return (
    <ul class="citations" aria-label={t('citations')}>
      {links.map((link, index) => (
        <li key={index}>
          <a
            href={link.href}
            target="_blank"
            rel="noopener noreferrer"
            onClick={(event) => link.sameOrigin && onArticle(event, link.href)}
          >
            <ArticleIcon />
            <span>
              <b>{link.title}</b>
              {link.passage && !said.includes(link.passage) && <small>{link.passage}</small>}
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

interface ChoicesProps extends Pick<LogProps, 'client' | 't' | 'onChosen'> {
  item: Item & { kind: 'message' };
}

function Choices({ item, client, t, onChosen }: ChoicesProps) {
  const { message, choicesOpen, chosen } = item;
  return (
    <div class="choices" role="group" aria-label={t('choices')}>
      {message.choices?.map((choice) => (
        <button
          key={choice.value}
          type="button"
          class={choice.value === chosen ? 'choice chosen' : 'choice'}
          disabled={!choicesOpen}
          onClick={(event) => {
            client.choose(message.seq, choice.value, choice.label);
            if (event.detail === 0) onChosen();
          }}
        >
          {choice.value === chosen && <TickIcon />}
          {choice.label}
        </button>
      ))}
    </div>
  );
}

function Rating({ seq, score, client, t }: { seq: number; score: number | undefined; client: ChatClient; t: T }) {
  const button = (value: number, label: string, icon: preact.ComponentChild) => (
    <button
      type="button"
      class="thumb"
      aria-pressed={score === value}
      title={label}
      aria-label={label}
      onClick={() => score !== value && client.rate(seq, value)}
    >
      {icon}
    </button>
  );
  return (
    <span class="rating">
      {button(1, t('helpful'), <UpThumbIcon />)}
      {button(-1, t('notHelpful'), <DownThumbIcon />)}
      {score !== undefined && <span class="thanks">{t('thanksFeedback')}</span>}
    </span>
  );
}
