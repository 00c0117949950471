/** The bar at the top: the connection, one's own state, and what calls an agent who looks elsewhere. */
import { BellIcon, BellOffIcon, ChartIcon, KeysIcon, SoundIcon, SoundOffIcon } from '../shared/icons';
import type { Company, Staff } from '../shared/rest';
import { initial } from '../shared/text';
import { PRESENCES } from './deskApi';
import type { Presence } from './deskApi';
import { supervises } from './deskTypes';
import type { DeskState } from './deskTypes';
import { useShell } from './shell';

interface TopBarProps {
  staff: Staff;
  company: Company | null;
  state: DeskState;
  sound: boolean;
  notifications: boolean;
  overview: boolean;
  note: string;
  onSound(): void;
  onNotifications(): void;
  onOverview(): void;
  onShortcuts(): void;
  onPresence(presence: Presence): void;
  onLanguage(): void;
  onLeave(): void;
}

export function TopBar(props: TopBarProps) {
  const { t, lang, coded } = useShell();
  const { staff, company, state, sound, notifications, overview, note } = props;
  // What is offered counts: the place is taken.
  const load = state.counts.mine;
  const self = state.colleagues.find((one) => one.agent === state.me);
  return (
    <header class="bar">
      <span class="mark" aria-hidden="true">
        {company?.logo || initial(company?.name[lang] ?? '')}
      </span>
      <h1>{t('title')}</h1>
      {supervises(state) && (
        <button type="button" class="button plain view-switch" aria-pressed={overview} onClick={props.onOverview}>
          <ChartIcon />
          {t('overview')}
        </button>
      )}
      {staff.role === 'admin' && (
        <a class="button plain only-wide" href="/admin">
          {t('console')}
        </a>
      )}
      <span class="bar-note" role="status">
        {state.link !== 'ready' && state.link !== 'idle' ? (
          <span class="link-note">{coded('link', state.link === 'lost' ? 'waiting' : state.link)}</span>
        ) : note ? (
          <span class="link-note">{note}</span>
        ) : (
          state.info && !state.info.office.open && <span class="link-note">{t('officeClosed')}</span>
        )}
      </span>
      <button type="button" class="icon-button only-wide" title={t('shortcuts')} aria-label={t('shortcuts')} onClick={props.onShortcuts}>
        <KeysIcon />
      </button>
      <button type="button" class="icon-button" aria-pressed={sound} title={t(sound ? 'soundOn' : 'soundOff')} aria-label={t(sound ? 'soundOn' : 'soundOff')} onClick={props.onSound}>
        {sound ? <SoundIcon /> : <SoundOffIcon />}
      </button>
      <button
        type="button"
        class="icon-button"
        aria-pressed={notifications}
        title={t(notifications ? 'notificationsOn' : 'notificationsOff')}
        aria-label={t(notifications ? 'notificationsOn' : 'notificationsOff')}
        onClick={props.onNotifications}
      >
        {notifications ? <BellIcon /> : <BellOffIcon />}
      </button>
      <button type="button" class="button plain" lang={lang === 'zh' ? 'en' : 'zh-CN'} aria-label={t('languageLabel')} onClick={props.onLanguage}>
        {t('language')}
      </button>
      <label class={`presence ${state.presence}`}>
        <span class="hidden">{t('presence')}</span>
        <select value={state.presence} onChange={(event) => props.onPresence(event.currentTarget.value as Presence)}>
          {PRESENCES.map((presence) => (
            <option key={presence} value={presence}>
              {t(`state_${presence}`)}
            </option>
          ))}
        </select>
      </label>
      {self && (
        <span class="load" title={t('myLoad', { load, capacity: self.capacity })}>
          {load}/{self.capacity}
        </span>
      )}
      <span class="me">{staff.name}</span>
      <button type="button" class="button plain" onClick={props.onLeave}>
        {t('logout')}
      </button>
    </header>
  );
}
