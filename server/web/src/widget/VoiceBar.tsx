/** The microphone in the chat: its button, and the bar that shows while it is on. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { lookUp } from '../i18n';
import { chat as en } from '../i18n/en';
import { chat as zh } from '../i18n/zh';
import type { ChatClient } from '../shared/chatClient';
import { uuid } from '../shared/chatClient';
import type { Lang } from '../shared/frames';
import { AlertIcon, MicrophoneIcon, SoundIcon, SoundOffIcon, StopIcon } from '../shared/icons';
import { OFF } from '../voice/state';
import type { VoiceState } from '../voice/state';
import type { Voice } from '../voice/voice';
import type { T } from './Log';

/** A press that lasts longer is press-and-talk; a shorter one switches hands-free talk on or off. */
const HOLD_MS = 300;

export interface Talk {
  state: VoiceState;
  start(hold: boolean): void;
  stop(): void;
  silence(): void;
  setAloud(aloud: boolean): void;
  dismiss(): void;
}

/** Voice over the chat's connection; its code is fetched with the first press. */
export function useVoice(client: ChatClient, origin: string): Talk {
  const [state, setState] = useState<VoiceState>(OFF);
  const voice = useRef<Voice | null>(null);
  const wanted = useRef<{ hold: boolean } | null>(null);

  useEffect(() => {
    const unsubscribe = client.subscribe(() => {
      if (client.state.link !== 'ready') voice.current?.lost();
    });
    const hidden = () => document.visibilityState !== 'visible' && voice.current?.close();
    document.addEventListener('visibilitychange', hidden);
    return () => {
      unsubscribe();
      document.removeEventListener('visibilitychange', hidden);
      voice.current?.close();
      client.onArrival = null;
    };
  }, [client]);

  const start = useCallback(
    (hold: boolean) => {
      wanted.current = { hold };
      if (voice.current) {
        void voice.current.start(hold);
        return;
      }
      setState({ ...OFF, phase: 'starting', hold });
      const url = `${origin}/voice.js`;
      import(/* @vite-ignore */ url).then(
        (module: { Voice: typeof Voice }) => {
          const line = {
            send: (frame: object) => client.sendNow(frame),
            sendBinary: (data: ArrayBuffer) => client.sendBinary(data),
            newId: uuid,
          };
          const made = (voice.current ??= new module.Voice(line, origin));
          client.onArrival = (data) => made.received(data);
          made.subscribe(() => setState(made.state));
          // Let go before the code was there: nothing to begin.
          if (wanted.current) void made.start(wanted.current.hold);
          else setState(OFF);
        },
        () => setState({ ...OFF, problem: 'failed' }),
      );
    },
    [client, origin],
  );

  return {
    state,
    start,
    stop: () => {
      wanted.current = null;
      voice.current?.stop();
    },
    silence: () => voice.current?.silence(),
    setAloud: (aloud) => voice.current?.setAloud(aloud),
    dismiss: () => setState((now) => ({ ...now, problem: null })),
  };
}

export function MicrophoneButton({ talk, t, disabled }: { talk: Talk; t: T; disabled: boolean }) {
  const timer = useRef(0);
  const pressed = useRef(false);
  const on = talk.state.phase === 'on' || talk.state.phase === 'starting';

  const press = () => {
    if (pressed.current || disabled) return;
    pressed.current = true;
    clearTimeout(timer.current);
    if (!on) timer.current = window.setTimeout(() => talk.start(true), HOLD_MS);
  };
  const letGo = (cancelled: boolean) => {
    if (!pressed.current) return;
    pressed.current = false;
    clearTimeout(timer.current);
    if (on) talk.stop();
    else if (!cancelled) talk.start(false);
  };
  const isPress = (event: KeyboardEvent) => event.key === ' ' || event.key === 'Enter';

  return (
    <button
      type="button"
      class={on ? 'microphone on' : 'microphone'}
      disabled={disabled}
      aria-pressed={on}
      aria-label={on ? t('voiceStop') : t('voiceStart')}
      title={on ? t('voiceStop') : t('voiceStart')}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        press();
      }}
      onPointerUp={() => letGo(false)}
      onPointerCancel={() => letGo(true)}
      onKeyDown={(event) => {
        if (!isPress(event)) return;
        event.preventDefault();
        if (!event.repeat) press();
      }}
      onKeyUp={(event) => isPress(event) && letGo(false)}
      onBlur={() => letGo(true)}
      // Assistive technology clicks without pointer or key.
      onClick={(event) => event.detail === 0 && !pressed.current && (on ? talk.stop() : talk.start(false))}
      onContextMenu={(event) => event.preventDefault()}
    >
      <MicrophoneIcon />
    </button>
  );
}

export function VoiceBar({ talk, t, lang }: { talk: Talk; t: T; lang: Lang }) {
  const { phase, hold, text, stable, level, speaking, aloud, problem } = talk.state;
  const alert = phase === 'off' && problem && (
    <div class="voice-bar problem" role="alert">
      <AlertIcon />
      <span>{lookUp(lang === 'zh' ? zh : en, `voice_${problem}`)}</span>
      <button type="button" class="text-button" onClick={talk.dismiss}>
        {t('dismiss')}
      </button>
    </div>
  );
  if (phase === 'off' && !speaking) return alert || null;
  const words =
    phase === 'starting'
      ? t('voiceStarting')
      : phase === 'ending'
        ? t('voiceEnding')
        : speaking
          ? t(phase === 'off' ? 'voiceReading' : 'voiceSpeaking')
          : hold
            ? t('voiceHold')
            : t('voiceListening');
  const bar = (
    <div class="voice-bar" role="group" aria-label={t('voiceBar')}>
      <div class="voice-line">
        {phase === 'on' && (
          <span class="meter" aria-hidden="true">
            <i style={{ transform: `scaleX(${level.toFixed(2)})` }} />
          </span>
        )}
        <span class="voice-state" role="status">
          {words}
        </span>
        <button
          type="button"
          class="head-button"
          aria-pressed={aloud}
          aria-label={t('voiceAloud')}
          title={t('voiceAloud')}
          onClick={() => talk.setAloud(!aloud)}
        >
          {aloud ? <SoundIcon /> : <SoundOffIcon />}
        </button>
        <button
          type="button"
          class="head-button"
          aria-label={phase === 'off' ? t('voiceSilence') : t('voiceStop')}
          title={phase === 'off' ? t('voiceSilence') : t('voiceStop')}
          onClick={() => (phase === 'off' ? talk.silence() : talk.stop())}
        >
          <StopIcon />
        </button>
      </div>
      {text && (
        <p class="live" dir="auto">
          {text.slice(0, stable)}
          <span class="unsettled">{text.slice(stable)}</span>
        </p>
      )}
      {phase === 'on' && <p class="privacy">{t('voicePrivacy')}</p>}
    </div>
  );
  return (
    <>
      {alert}
      {bar}
    </>
  );
}
