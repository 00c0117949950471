/** The desk of an agent who is logged in: puts the parts together and serves the keyboard. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useStore } from '../shared/hooks';
import { logOut } from '../shared/rest';
import type { Company, Staff } from '../shared/rest';
import { shortId } from '../shared/text';
import { ContextPanel, suggestionOf } from './ContextPanel';
import type { ContextTab } from './ContextPanel';
import { Conversation, rowOf } from './Conversation';
import type { Window } from './Conversation';
import { transcriptUrl } from './deskApi';
import { DeskClient } from './deskClient';
import { supervises } from './deskTypes';
import { CloseDialog, MailDialog, MarkDialog, ReturnDialog, Shortcuts, SnoozeDialog, TransferDialog } from './dialogs';
import { commandFor } from './keymap';
import type { Command } from './keymap';
import { mayNotify, notify, rememberWish, ring, wished } from './notify';
import { Queue } from './Queue';
import { QUEUE_TABS } from './rows';
import type { QueueTab } from './rows';
import { useShell } from './shell';
import { Supervisor } from './Supervisor';
import { TopBar } from './TopBar';
import type { WriterHandle } from './Writer';

const REFRESH_EVERY_MS = 4_000;

interface WorkspaceProps {
  staff: Staff;
  company: Company | null;
  switchLanguage(): void;
  signedOut(): void;
}

export function Workspace({ staff, company, switchLanguage, signedOut }: WorkspaceProps) {
  const { t, lang } = useShell();
  const client = useMemo(
    () => new DeskClient(staff, `${location.origin.replace(/^http/, 'ws')}/ws/desk`, signedOut),
    [staff, signedOut],
  );
  const state = useStore(client);
  const [tab, setTab] = useState<QueueTab>('waiting');
  /** Where the keyboard stands: on a conversation, or where it was once that has left the list. */
  const [cursor, setCursor] = useState({ conversation: '', index: 0 });
  const [sheet, setSheet] = useState(false);
  const [window_, setWindow] = useState<Window | null>(null);
  const [marking, setMarking] = useState<number | null>(null);
  const [inspected, setInspected] = useState<number | null>(null);
  const [goTo, setGoTo] = useState<number | null>(null);
  const [contextTab, setContextTab] = useState<ContextTab>('context');
  const [overview, setOverview] = useState(false);
  const [note, setNote] = useState('');
  /** On a phone one column is shown at a time. */
  const [pane, setPane] = useState<'queue' | 'talk' | 'context'>('queue');
  const [wishes, setWishes] = useState({ sound: wished('sound'), notifications: wished('notifications'), singleKeys: wished('singleKeys') });
  const writer = useRef<WriterHandle>(null);
  const search = useRef<HTMLInputElement>(null);

  const wish = (name: keyof typeof wishes, on: boolean) => {
    rememberWish(name, on);
    setWishes({ ...wishes, [name]: on });
  };

  useEffect(() => {
    client.start();
    void client.begin();
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

  const calls = state.counts.waiting + (state.lists.mine?.rows.reduce((sum, row) => sum + row.unread, 0) ?? 0);
  useEffect(() => {
    document.title = `${calls > 0 ? `(${calls}) ` : ''}${t('title')}${company ? ` · ${company.name[lang]}` : ''}`;
  }, [calls, t, lang, company]);

  const rows = state.lists[tab]?.rows ?? [];
  const found = rows.findIndex((row) => row.conversation === cursor.conversation);
  const at = found >= 0 ? found : Math.min(cursor.index, Math.max(0, rows.length - 1));
  const moveTo = (index: number) => setCursor({ conversation: rows[index]?.conversation ?? '', index });
  const showTab = (next: QueueTab) => {
    setTab(next);
    setCursor({ conversation: '', index: 0 });
    setOverview(false);
    client.showTab(next);
  };
  const open = (conversation: string, seq?: number) => {
    setInspected(null);
    setContextTab((shown) => (shown === 'decision' ? 'context' : shown));
    setGoTo(seq ?? null);
    setOverview(false);
    setPane('talk');
    client.select(conversation);
  };

  // Other pages lead to a conversation by its id behind the address: /desk#c/ID.
  useEffect(() => {
    const [kind, id] = location.hash.slice(1).split('/');
    if (kind === 'c' && id) open(decodeURIComponent(id));
  }, []);

  const heard = useRef(state.news.number);
  useEffect(() => {
    const { news } = state;
    if (news.number <= heard.current) return;
    heard.current = news.number;
    if (wishes.sound) ring();
    if (!wishes.notifications) return;
    const row = rowOf(client.state, news.conversation);
    const who = row?.customerName || row?.customer || `#${shortId(news.conversation)}`;
    notify(t(`news_${news.kind}`), `${who}\n${news.text}`, news.conversation, () => open(news.conversation));
  }, [state.news.number]);

  const { selected } = state;
  const thread = selected === null ? undefined : state.threads[selected];
  const mine = thread?.mode === 'human' && thread.agent === state.me;
  const suggestion = suggestionOf(thread);

  useEffect(() => {
    // Whoever takes a conversation goes on where it stands from then on.
    if (mine && tab === 'waiting') showTab('mine');
  }, [mine, selected]);

  const inspect = (seq: number) => {
    setInspected(seq);
    setContextTab('decision');
  };
  const step = (by: number) => {
    const next = Math.min(Math.max(at + by, 0), rows.length - 1);
    moveTo(next);
    return rows[next];
  };

  const obey = (command: Command, everywhere: boolean): boolean => {
    const row = rows[at];
    const has = selected !== null && thread !== undefined;
    switch (command) {
      case 'next':
      case 'previous': {
        const neighbour = step(command === 'next' ? 1 : -1);
        // With Alt it goes from conversation to conversation, without leaving the text field's hands.
        if (everywhere && neighbour) open(neighbour.conversation);
        return true;
      }
      case 'open':
        if (row) open(row.conversation);
        return row !== undefined;
      case 'search':
        search.current?.focus();
        return true;
      case 'tab1':
      case 'tab2':
      case 'tab3':
      case 'tab4':
      case 'tab5':
        showTab(QUEUE_TABS[Number(command.slice(3)) - 1] ?? 'waiting');
        return true;
      case 'overview':
        if (supervises(state)) setOverview(!overview);
        return true;
      case 'take':
        if (has && thread.mode === 'waiting') client.take(selected);
        return true;
      case 'handBack':
        if (mine) setWindow('return');
        return true;
      case 'transfer':
        if (mine || (has && (thread.mode === 'waiting' || (supervises(state) && thread.mode === 'human')))) setWindow('transfer');
        return true;
      case 'snooze':
        if (mine) setWindow('snooze');
        return true;
      case 'close':
        if (mine || (has && thread.mode === 'waiting')) setWindow('close');
        return true;
      case 'reopen':
        if (has && thread.mode === 'closed') client.reopen(selected);
        return true;
      case 'contextTab':
        setContextTab(contextTab === 'context' ? 'customer' : contextTab === 'customer' ? 'decision' : 'context');
        return true;
      case 'transcript':
        if (has) download(transcriptUrl(selected, lang));
        return true;
      case 'message':
      case 'note':
        writer.current?.write(command);
        return true;
      case 'suggestion':
      case 'sendSuggestion':
        writer.current?.suggestion(command === 'suggestion' ? 'edit' : 'send');
        return true;
      case 'canned':
        writer.current?.canned();
        return true;
      case 'knowledge':
        writer.current?.knowledge();
        return true;
      case 'help':
        setSheet(true);
        return true;
      case 'escape':
        return false;
    }
  };

  // With the layout, not after the paint: a key pressed at once must meet the rows that are on the screen.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (document.querySelector('dialog[open]')) return;
      const typing = target.matches('input, textarea, select');
      const command = commandFor(event, typing, wishes.singleKeys);
      if (command === undefined) return;
      if (command === 'escape') {
        if (typing) target.blur();
        return;
      }
      if (command === 'open' && target.closest('button, a, summary, [role=tab]')) return;
      if (obey(command, event.altKey)) event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });

  const leave = () => {
    client.stop();
    logOut().then(signedOut, signedOut);
  };
  const flipNotifications = async () => {
    const on = !wishes.notifications && (await mayNotify());
    setNote(!wishes.notifications && !on ? t('notificationsRefused') : '');
    wish('notifications', on);
  };
  const done = () => setWindow(null);

  return (
    <div class={`desk show-${overview ? 'overview' : pane}`}>
      <TopBar
        {...{ staff, company, state, overview, note }}
        sound={wishes.sound}
        notifications={wishes.notifications}
        onSound={() => {
          if (!wishes.sound) ring();
          wish('sound', !wishes.sound);
        }}
        onNotifications={() => void flipNotifications()}
        onOverview={() => setOverview(!overview)}
        onShortcuts={() => setSheet(true)}
        onPresence={(presence) => client.setPresence(presence)}
        onLanguage={switchLanguage}
        onLeave={leave}
      />
      {overview ? (
        <Supervisor onOpen={open} />
      ) : (
        <>
          <Queue
            {...{ state, tab, search }}
            cursor={at}
            onTab={showTab}
            onFilter={(filter) => client.setFilter(filter)}
            onOpen={open}
            onCursor={moveTo}
            onMore={(next) => void client.list(tab, next)}
          />
          <Conversation
            key={selected ?? ''}
            handle={writer}
            {...{ client, state, mine, inspected, goTo, suggestion }}
            onInspect={inspect}
            onMark={setMarking}
            onWindow={setWindow}
            onBack={() => setPane('queue')}
            onContext={() => setPane(pane === 'context' ? 'talk' : 'context')}
          />
          <ContextPanel
            {...{ state, thread, mine, inspected }}
            conversation={selected}
            tab={contextTab}
            onTab={setContextTab}
            onSuggestion={(how) => writer.current?.suggestion(how)}
            onOpen={open}
            onInspect={inspect}
            onBack={() => setPane('talk')}
          />
        </>
      )}

      {sheet && <Shortcuts singleKeys={wishes.singleKeys} onSingleKeys={(on) => wish('singleKeys', on)} onClose={() => setSheet(false)} />}
      {selected !== null && thread && window_ === 'close' && (
        <CloseDialog state={state} onCancel={done} onClose={(outcome, tags) => { client.close(selected, outcome, tags); done(); }} />
      )}
      {selected !== null && thread && window_ === 'transfer' && (
        <TransferDialog state={state} holder={thread.agent} onCancel={done} onTransfer={(to, words) => { client.transfer(selected, to, words); done(); }} />
      )}
      {selected !== null && window_ === 'snooze' && (
        <SnoozeDialog onCancel={done} onSnooze={(until) => { client.snooze(selected, until); done(); }} />
      )}
      {selected !== null && thread && window_ === 'return' && (
        <ReturnDialog thread={thread} onCancel={done} onReturn={(to) => { client.giveBack(selected, to); done(); }} />
      )}
      {selected !== null && thread && window_ === 'mail' && (
        <MailDialog conversation={selected} first={thread.contact?.email ?? ''} onClose={done} />
      )}
      {selected !== null && thread && marking !== null && (
        <MarkDialog
          thread={thread}
          seq={marking}
          onCancel={() => setMarking(null)}
          onMark={(meant, comment) => {
            client.mark(selected, marking, meant, comment);
            setMarking(null);
          }}
        />
      )}
    </div>
  );
}

function download(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  link.click();
}
