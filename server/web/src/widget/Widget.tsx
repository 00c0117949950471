/** Launcher and panel. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { chat as en } from '../i18n/en';
import { chat as zh } from '../i18n/zh';
import { lookUp, translator } from '../i18n';
import type { ChatClient } from '../shared/chatClient';
import type { ChatState } from '../shared/chatState';
import { useStore } from '../shared/hooks';
import { ChatIcon, CloseIcon, DownIcon, DownloadIcon, PersonIcon, PhoneIcon, RestartIcon } from '../shared/icons';
import type { Keep } from '../shared/memory';
import type { Company } from '../shared/rest';
import { hasWords, pictureOf } from '../shared/pictures';
import { initial } from '../shared/text';
import { dateAndClock } from '../shared/time';
import { save, transcriptText } from '../shared/transcript';
import { Composer } from './Composer';
import { Contact } from './Contact';
import { Log } from './Log';
import type { T } from './Log';
import { ChosenPicture, PictureButton, usePicture } from './PictureChoice';
import { Satisfaction } from './Satisfaction';
import { MicrophoneButton, VoiceBar, useVoice } from './VoiceBar';

/** As in widget.css: below this the panel fills the screen. */
const PHONE = '(max-width: 520px)';

export interface Controls {
  open(): void;
  close(): void;
  toggle(): void;
}

interface WidgetProps {
  client: ChatClient;
  keep: Keep;
  origin: string;
  company: Company | null;
  startOpen: boolean;
  /** Gives the page's script a handle on the panel. */
  controls(handle: Controls): void;
}

export function Widget({ client, keep, origin, company, startOpen, controls }: WidgetProps) {
  const state = useStore(client);
  const [open, setOpen] = useState(startOpen);
  const [seen, setSeen] = useState(() => keep.load().seen);
  const launcher = useRef<HTMLButtonElement>(null);
  const t = translator({ zh, en }, state.locale);

  const show = useCallback(
    (next: boolean) => {
      setOpen(next);
      keep.saveOpen(next);
      if (next) client.connect();
    },
    [client, keep],
  );

  useEffect(() => {
    controls({ open: () => show(true), close: () => show(false), toggle: () => show(!open) });
  }, [controls, show, open]);

  const wasOpen = useRef(open);
  useEffect(() => {
    if (wasOpen.current && !open) launcher.current?.focus();
    wasOpen.current = open;
  }, [open]);

  useEffect(() => {
    const { conversation, lastSeq } = state;
    if (!open || conversation === null || document.visibilityState !== 'visible') return;
    if (seen?.conversation === conversation && seen.seq >= lastSeq) return;
    setSeen({ conversation, seq: lastSeq });
    keep.saveSeen(conversation, lastSeq);
  }, [open, state.conversation, state.lastSeq, seen, keep]);

  const unread = open ? 0 : unreadCount(state, seen);
  const label = unread > 0 ? t('launcherUnread', { n: unread }) : t('launcher');
  return (
    <div lang={state.locale === 'zh' ? 'zh-CN' : 'en'} class="root">
      {open && <Panel {...{ client, state, t, origin, company }} onClose={() => show(false)} />}
      <button
        ref={launcher}
        type="button"
        class={open ? 'launcher opened' : 'launcher'}
        aria-label={open ? t('minimise') : label}
        aria-expanded={open}
        title={open ? t('minimise') : label}
        onClick={() => show(!open)}
        onKeyDown={(event) => event.key === 'Escape' && open && show(false)}
      >
        {open ? <DownIcon /> : <ChatIcon />}
        {unread > 0 && <span class="badge">{unread > 9 ? '9+' : unread}</span>}
      </button>
    </div>
  );
}

function unreadCount(state: ChatState, seen: { conversation: string; seq: number } | null): number {
  const from = seen && seen.conversation === state.conversation ? seen.seq : 0;
  return state.messages.filter((message) => message.seq > from && message.role !== 'customer').length;
}

interface PanelProps {
  client: ChatClient;
  state: ChatState;
  t: T;
  origin: string;
  company: Company | null;
  onClose(): void;
}

function Panel({ client, state, t, origin, company, onClose }: PanelProps) {
  const panel = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const [confirming, setConfirming] = useState(false);
  const [contact, setContact] = useState(false);
  const phone = matchMedia(PHONE).matches;
  const name = company?.name[state.locale] || t('title');
  const asking = state.outbox.some((item) => item.frame.type === 'human');
  const closed = state.mode === 'closed';
  const talk = useVoice(client, origin);
  const pictureBytes = company?.pictureBytes ?? 0;
  const picture = usePicture(client, origin, pictureBytes);
  const takesPictures = pictureBytes > 0 && state.token !== null && !closed && !contact;
  const pastePicture = (event: ClipboardEvent) => {
    const file = pictureOf(event.clipboardData);
    if (!file || !takesPictures) return;
    if (!hasWords(event.clipboardData)) event.preventDefault();
    picture.take(file);
  };
  const dropPicture = (event: DragEvent) => {
    const file = pictureOf(event.dataTransfer) ?? event.dataTransfer?.files[0];
    if (!file || !takesPictures) return;
    // Left to itself the browser would open the file in place of the page.
    event.preventDefault();
    picture.take(file);
  };

  useEffect(() => {
    // On a phone the keyboard would cover the greeting.
    if (phone) panel.current?.focus();
    else field.current?.focus();
  }, []);

  useEffect(() => {
    const view = window.visualViewport;
    const box = panel.current;
    if (!view || !box) return undefined;
    // The on-screen keyboard takes its part of a full-screen panel.
    const fit = () => box.style.setProperty('--view', `${Math.round(view.height)}px`);
    fit();
    view.addEventListener('resize', fit);
    return () => view.removeEventListener('resize', fit);
  }, []);

  const endConfirm = () => {
    setConfirming(false);
    (field.current ?? panel.current)?.focus();
  };

  const endContact = () => {
    setContact(false);
    (field.current ?? panel.current)?.focus();
  };

  const keepTranscript = () => {
    const words = {
      title: `${name} · ${t('title')}`,
      you: t('you'),
      assistant: t('assistant'),
      agent: t('agent'),
      picture: t('picture'),
      time: (at: string) => dateAndClock(at, state.locale),
    };
    save(`${t('transcriptFile')}.txt`, transcriptText(state.messages, words));
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && !event.isComposing) {
      event.stopPropagation();
      if (confirming) endConfirm();
      else if (contact) endContact();
      else onClose();
    }
    if (event.key === 'Tab' && phone) keepInside(event, panel.current);
  };

  const onArticle = (event: MouseEvent, href: string) => {
    // The company's own help page opens the article in place; anywhere else the link opens a new tab.
    const taken = !window.dispatchEvent(new CustomEvent('kefu:article', { detail: { href }, cancelable: true }));
    if (!taken) return;
    event.preventDefault();
    if (phone) onClose();
  };

  return (
    <div
      ref={panel}
      class="panel"
      role="dialog"
      aria-modal={phone}
      aria-label={`${name} · ${t('title')}`}
      tabIndex={-1}
      onKeyDown={onKeyDown}
      onDragOver={(event) => takesPictures && event.preventDefault()}
      onDrop={dropPicture}
    >
      <header class="head">
        <span class="mark" aria-hidden="true">
          {company?.logo || initial(name)}
        </span>
        <div class="who">
          <b>{name}</b>
          <span class={`presence ${state.link === 'ready' ? state.mode : 'off'}`}>{presence(state, t)}</span>
        </div>
        {(company?.languages.length ?? 2) > 1 && (
          <button
            type="button"
            class="head-button words"
            lang={state.locale === 'zh' ? 'en' : 'zh-CN'}
            aria-label={t('languageLabel')}
            onClick={() => client.setLocale(state.locale === 'zh' ? 'en' : 'zh')}
          >
            {t('language')}
          </button>
        )}
        <button type="button" class="head-button" aria-label={t('minimise')} title={t('minimise')} onClick={onClose}>
          <CloseIcon />
        </button>
      </header>

      <Status state={state} client={client} t={t} onContact={() => setContact(true)} />
      <Log {...{ client, state, t, origin, onArticle }} onChosen={() => field.current?.focus()} />

      <VoiceBar talk={talk} t={t} lang={state.locale} />
      {contact && <Contact client={client} t={t} onDone={endContact} />}
      {closed && state.rateable && !state.restarting && <Satisfaction client={client} rated={state.rated} t={t} />}
      {closed && !state.restarting ? (
        <div class="ended">
          <span>{t('closed')}</span>
          <button type="button" class="solid" onClick={() => client.restart()}>
            {t('closedNew')}
          </button>
        </div>
      ) : contact ? null : (
        <>
          <ChosenPicture choice={picture} t={t} limit={pictureBytes} />
          <Composer
            t={t}
            field={field}
            disabled={state.link === 'refused'}
            onSend={(text) => {
              talk.silence();
              if (!picture.uploaded) return client.say(text);
              client.show(picture.uploaded.id, text, text || t('picture'));
              picture.drop();
            }}
            pictured={picture.uploaded !== null}
            busy={picture.preview !== null && picture.uploaded === null}
            onPaste={pastePicture}
            picture={takesPictures && <PictureButton choice={picture} t={t} disabled={state.link !== 'ready' || state.restarting} />}
            microphone={
              company?.voice && <MicrophoneButton talk={talk} t={t} disabled={state.link !== 'ready' || state.restarting} />
            }
            onTyping={(on) => client.typing(on)}
          />
        </>
      )}

      <footer class="foot">
        {state.mode === 'waiting' ? (
          // Keys: a press meant for one button never lands on the other, which takes its place.
          <button key="bot" type="button" class="foot-button" onClick={() => client.backToBot()}>
            <ChatIcon />
            {t('backToBot')}
          </button>
        ) : (
          <button
            key="human"
            type="button"
            class="foot-button human"
            disabled={asking || state.mode === 'human' || closed || state.restarting}
            onClick={() => client.human()}
          >
            <PersonIcon />
            {asking ? t('humanAsking') : t('human')}
          </button>
        )}
        <button
          type="button"
          class="foot-button"
          disabled={state.restarting}
          onClick={() => setConfirming(true)}
        >
          <RestartIcon />
          {t('restart')}
        </button>
        <button
          type="button"
          class="foot-button"
          disabled={state.messages.length === 0}
          aria-label={t('transcript')}
          title={t('transcript')}
          onClick={keepTranscript}
        >
          <DownloadIcon />
        </button>
      </footer>

      {confirming && (
        <Confirm
          t={t}
          onNo={endConfirm}
          onYes={() => {
            client.restart();
            endConfirm();
          }}
        />
      )}
    </div>
  );
}

function presence(state: ChatState, t: T): string {
  if (state.link === 'lost' || state.link === 'refused') return t('connecting');
  if (state.mode === 'human') return state.agent ?? t('agent');
  if (state.mode === 'waiting') return t('waiting');
  return t('assistant');
}

/** One line that says how things stand, where that is not plain to see. */
function Status({ state, client, t, onContact }: { state: ChatState; client: ChatClient; t: T; onContact(): void }) {
  const texts = state.locale === 'zh' ? zh : en;
  let line: preact.ComponentChild = null;
  let kind = 'plain';
  if (state.link === 'refused') {
    kind = 'warn';
    line = (
      <>
        {t('refused')}
        <button type="button" class="text-button" onClick={() => client.connect()}>
          {t('tryAgain')}
        </button>
      </>
    );
  } else if (state.link === 'lost' || (state.link === 'connecting' && state.attempt > 0)) {
    kind = 'warn';
    line = t('offline');
  } else if (state.link === 'connecting' || state.link === 'idle') {
    kind = 'plain late';
    line = t('connecting');
  } else if (state.notice) {
    kind = 'warn';
    line = (
      <>
        {lookUp(texts, `error_${state.notice.code}`) ?? (state.notice.message || t('error_internal'))}
        <button type="button" class="text-button" onClick={() => client.dismiss()}>
          {t('dismiss')}
        </button>
      </>
    );
  } else if (state.restarting) {
    line = t('restarting');
  } else if (state.mode === 'waiting') {
    kind = 'wait';
    line = (
      <>
        <span>{waitingWords(state, t)}</span>
        {state.contacted ? (
          <span class="plain-words">{t('contactLeft')}</span>
        ) : (
          <button type="button" class="text-button with-icon" onClick={onContact}>
            <PhoneIcon />
            {t('contactLeave')}
          </button>
        )}
      </>
    );
  } else if (state.mode === 'human') {
    kind = 'good';
    line = state.agent
      ? t('humanHere', { name: state.team ? `${state.agent} (${state.team})` : state.agent })
      : t('humanHereNoName');
  }
  return (
    <div class={`status ${kind}`} role="status" hidden={line === null}>
      {line}
    </div>
  );
}

/** The truth about the wait: the place, how long, who is being asked, and whether anybody is there at all. */
function waitingWords(state: ChatState, t: T): string {
  const parts: string[] = [];
  if (!state.open) parts.push(state.opensAt ? t('waitingOpens', { time: dateAndClock(state.opensAt, state.locale) }) : t('waitingClosed'));
  if (state.position !== null && state.position > 0) parts.push(t('waitingPosition', { n: state.position }));
  if (state.open && state.waitSeconds !== null) {
    parts.push(state.waitSeconds < 30 ? t('waitingSoon') : t('waitingTime', { n: Math.ceil(state.waitSeconds / 60) }));
  }
  if (state.agent) parts.push(t('waitingAgent', { name: state.agent }));
  else if (state.team) parts.push(t('waitingTeam', { name: state.team }));
  return parts.length > 0 ? parts.join(state.locale === 'zh' ? '，' : ', ') : t('waiting');
}

function Confirm({ t, onYes, onNo }: { t: T; onYes(): void; onNo(): void }) {
  const box = useRef<HTMLDivElement>(null);
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => no.current?.focus(), []);
  return (
    <div class="veil">
      <div
        ref={box}
        class="confirm"
        role="alertdialog"
        aria-modal="true"
        aria-labelledby="confirm-title"
        aria-describedby="confirm-text"
        onKeyDown={(event) => event.key === 'Tab' && keepInside(event, box.current)}
      >
        <b id="confirm-title">{t('restartTitle')}</b>
        <p id="confirm-text">{t('restartText')}</p>
        <div class="confirm-buttons">
          <button ref={no} type="button" class="quiet" onClick={onNo}>
            {t('no')}
          </button>
          <button type="button" class="solid" onClick={onYes}>
            {t('restartYes')}
          </button>
        </div>
      </div>
    </div>
  );
}

/** Tab at the end of a modal box goes back to its beginning. */
function keepInside(event: KeyboardEvent, box: HTMLElement | null): void {
  const stops = Array.from(
    box?.querySelectorAll<HTMLElement>('button:not(:disabled), a[href], textarea:not(:disabled), [tabindex="0"]') ?? [],
  );
  const [first, last] = [stops[0], stops.at(-1)];
  const active = (box?.getRootNode() as ShadowRoot | undefined)?.activeElement;
  if (event.shiftKey && (active === first || active === box)) {
    event.preventDefault();
    event.stopPropagation();
    last?.focus();
  } else if (!event.shiftKey && active === last) {
    event.preventDefault();
    event.stopPropagation();
    first?.focus();
  }
}
