/** Log-in, then the desk itself. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { paletteCss } from '../shared/colour';
import type { Lang } from '../shared/frames';
import { useStore } from '../shared/hooks';
import { BellIcon, BellOffIcon, KeysIcon } from '../shared/icons';
import { DESK_LANGUAGE, langTag, rememberLanguage, rememberedLanguage } from '../shared/language';
import { QUEUE_TABS, RestError, fetchCompany, fetchIntents, fetchSession, logIn, logOut } from '../shared/rest';
import type { Company, Localised, QueueTab, Staff } from '../shared/rest';
import { initial } from '../shared/text';
import { Conversation } from './Conversation';
import type { ConversationHandle } from './Conversation';
import { ContextPanel } from './ContextPanel';
import { DeskClient } from './deskClient';
import { PRESENCES, isMine } from './deskState';
import type { Presence } from './deskState';
import { CloseDialog, Shortcuts } from './dialogs';
import { Queue } from './Queue';
import { ShellContext, makeShell, rememberSound, ring, soundWanted, useShell } from './shell';

const REFRESH_EVERY_MS = 4_000;

export function Desk() {
  const [lang, setLang] = useState<Lang>(() => rememberedLanguage(DESK_LANGUAGE));
  const [staff, setStaff] = useState<Staff | null | 'asking'>('asking');
  const [company, setCompany] = useState<Company | null>(null);
  const [intents, setIntents] = useState<Readonly<Record<string, Localised>>>({});
  const shell = useMemo(() => makeShell(lang, intents), [lang, intents]);
  const here = staff !== null && staff !== 'asking';

  useEffect(() => {
    document.documentElement.lang = langTag(lang);
    rememberLanguage(DESK_LANGUAGE, lang);
  }, [lang]);

  useEffect(() => {
    fetchSession().then(setStaff, () => setStaff(null));
    fetchCompany().then(
      (found) => {
        setCompany(found);
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(paletteCss(':root', found.colours));
        document.adoptedStyleSheets = [sheet];
      },
      () => undefined, // The desk works without the company's name and colours.
    );
  }, []);

  useEffect(() => {
    if (!here) return;
    fetchIntents().then(setIntents, () => undefined); // Intents go by their names then.
  }, [here]);

  const signedOut = useCallback(() => setStaff(null), []);
  const switchLanguage = () => setLang(lang === 'zh' ? 'en' : 'zh');
  if (staff === 'asking') return null;
  return (
    <ShellContext.Provider value={shell}>
      {staff ? (
        <Workspace key={staff.username} {...{ staff, company, switchLanguage, signedOut }} />
      ) : (
        <Login company={company} switchLanguage={switchLanguage} onStaff={setStaff} />
      )}
    </ShellContext.Provider>
  );
}

interface LoginProps {
  company: Company | null;
  switchLanguage(): void;
  onStaff(staff: Staff): void;
}

function Login({ company, switchLanguage, onStaff }: LoginProps) {
  const { t, lang } = useShell();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    document.title = t('loginTitle');
  }, [t]);

  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem(null);
    try {
      onStaff(await logIn(String(form.get('username') ?? '').trim(), String(form.get('password') ?? '')));
    } catch (error) {
      const status = error instanceof RestError ? error.status : 0;
      setProblem(status === 429 ? t('loginLimited') : status >= 400 && status < 500 ? t('loginFailed') : t('networkFailed'));
      setBusy(false);
    }
  };

  return (
    <main class="login">
      <form onSubmit={onSubmit}>
        <div class="login-brand">
          <span class="mark" aria-hidden="true">
            {company?.logo || initial(company?.name[lang] ?? '')}
          </span>
          <span>{company?.name[lang]}</span>
        </div>
        <h1>{t('loginTitle')}</h1>
        <label>
          {t('username')}
          <input name="username" autocomplete="username" required autofocus spellcheck={false} autocapitalize="none" />
        </label>
        <label>
          {t('password')}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <p class="login-problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="button solid" disabled={busy}>
          {busy ? t('loggingIn') : t('login')}
        </button>
      </form>
      <button type="button" class="button plain" lang={lang === 'zh' ? 'en' : 'zh-CN'} aria-label={t('languageLabel')} onClick={switchLanguage}>
        {t('language')}
      </button>
    </main>
  );
}

interface WorkspaceProps {
  staff: Staff;
  company: Company | null;
  switchLanguage(): void;
  signedOut(): void;
}

function Workspace({ staff, company, switchLanguage, signedOut }: WorkspaceProps) {
  const shell = useShell();
  const { t, lang } = shell;
  const client = useMemo(
    () => new DeskClient(staff, `${location.origin.replace(/^http/, 'ws')}/ws/desk`, signedOut),
    [staff, signedOut],
  );
  const state = useStore(client);
  const [tab, setTab] = useState<QueueTab>('waiting');
  const [cursor, setCursor] = useState(0);
  const [sheet, setSheet] = useState(false);
  const [closing, setClosing] = useState<string | null>(null);
  const [inspected, setInspected] = useState<number | null>(null);
  const [sound, setSound] = useState(soundWanted);
  const pane = useRef<ConversationHandle>(null);

  useEffect(() => {
    client.start();
    client.showTab('waiting');
    void client.list('mine');
    const wake = () => document.visibilityState === 'visible' && client.wake();
    const online = () => client.wake();
    const timer = setInterval(() => document.visibilityState === 'visible' && client.refresh(), REFRESH_EVERY_MS);
    window.addEventListener('online', online);
    document.addEventListener('visibilitychange', wake);
    return () => {
      window.removeEventListener('online', online);
      document.removeEventListener('visibilitychange', wake);
      clearInterval(timer);
      client.stop();
    };
  }, [client]);

  const waiting = state.lists.waiting?.length ?? 0;
  const unread = Object.values(state.unread).reduce((sum, count) => sum + count, 0);
  useEffect(() => {
    const badge = waiting + unread > 0 ? `(${waiting + unread}) ` : '';
    document.title = `${badge}${t('title')}${company ? ` · ${company.name[lang]}` : ''}`;
  }, [waiting, unread, t, lang, company]);

  const rung = useRef(state.bell);
  useEffect(() => {
    if (state.bell > rung.current && sound) ring();
    rung.current = state.bell;
  }, [state.bell, sound]);

  const rows = state.lists[tab] ?? [];
  const at = Math.min(cursor, Math.max(0, rows.length - 1));
  const showTab = (next: QueueTab) => {
    setTab(next);
    setCursor(0);
    client.showTab(next);
  };
  const open = (conversation: string) => {
    setInspected(null);
    client.select(conversation);
  };

  const { selected } = state;
  const thread = selected === null ? undefined : state.threads[selected];
  const mine = thread !== undefined && thread.mode === 'human' && isMine(state, thread.agent);

  useEffect(() => {
    // Whoever takes a conversation goes on where it stands from then on.
    if (mine && tab === 'waiting') showTab('mine');
  }, [mine, selected]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (document.querySelector('dialog[open]')) return;
      if (target.matches('input, textarea, select')) {
        if (event.key === 'Escape') target.blur();
        return;
      }
      const digit = QUEUE_TABS[Number(event.key) - 1];
      const row = rows[at];
      if (event.key === 'j') setCursor(Math.min(at + 1, rows.length - 1));
      else if (event.key === 'k') setCursor(Math.max(at - 1, 0));
      else if (event.key === 'Enter' && !target.closest('button, a, summary') && row) open(row.conversation);
      else if (event.key === 't' && selected !== null && thread?.mode === 'waiting') client.take(selected);
      else if (event.key === 'r' && selected !== null && mine) client.giveBack(selected);
      else if (event.key === 'x' && selected !== null && thread?.mode !== 'closed') setClosing(selected);
      else if (event.key === 'n') pane.current?.write('note');
      else if (event.key === 'm') pane.current?.write('message');
      else if (digit) showTab(digit);
      else if (event.key === '?') setSheet(true);
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });

  const leave = () => {
    client.stop();
    logOut().then(signedOut, signedOut);
  };
  const flipSound = () => {
    rememberSound(!sound);
    setSound(!sound);
    if (!sound) ring();
  };

  return (
    <div class="desk">
      <header class="bar">
        <span class="mark" aria-hidden="true">
          {company?.logo || initial(company?.name[lang] ?? '')}
        </span>
        <h1>{t('title')}</h1>
        <span class="bar-note" role="status">
          {state.link !== 'ready' && state.link !== 'idle' && (
            <span class="link-note">{shell.coded('link', state.link === 'lost' ? 'waiting' : state.link)}</span>
          )}
        </span>
        <button type="button" class="icon-button" title={t('shortcuts')} aria-label={t('shortcuts')} onClick={() => setSheet(true)}>
          <KeysIcon />
        </button>
        <button type="button" class="icon-button" aria-pressed={sound} title={t(sound ? 'soundOn' : 'soundOff')} aria-label={t(sound ? 'soundOn' : 'soundOff')} onClick={flipSound}>
          {sound ? <BellIcon /> : <BellOffIcon />}
        </button>
        <button type="button" class="button plain" lang={lang === 'zh' ? 'en' : 'zh-CN'} aria-label={t('languageLabel')} onClick={switchLanguage}>
          {t('language')}
        </button>
        <label class={`presence ${state.presence}`}>
          <span class="hidden">{t('presence')}</span>
          <select value={state.presence} onChange={(event) => client.setPresence(event.currentTarget.value as Presence)}>
            {PRESENCES.map((presence) => (
              <option key={presence} value={presence}>
                {t(`state_${presence}`)}
              </option>
            ))}
          </select>
        </label>
        <span class="me">{staff.name}</span>
        <button type="button" class="button plain" onClick={leave}>
          {t('logout')}
        </button>
      </header>

      <Queue {...{ state, tab, cursor: at, onTab: showTab, onOpen: open }} onMore={(before) => void client.list(tab, before)} onCursor={setCursor} />
      <Conversation
        key={selected ?? ''}
        handle={pane}
        {...{ client, state, mine, inspected }}
        onInspect={setInspected}
        onClose={() => selected !== null && setClosing(selected)}
      />
      <ContextPanel
        {...{ conversation: selected, thread, inspected }}
        onShow={setInspected}
        onInsert={(suggestion) => pane.current?.insert(suggestion)}
      />

      {sheet && <Shortcuts onClose={() => setSheet(false)} />}
      {closing !== null && (
        <CloseDialog
          onCancel={() => setClosing(null)}
          onClose={(outcome, tags) => {
            client.close(closing, outcome, tags);
            setClosing(null);
          }}
        />
      )}
    </div>
  );
}
