/** The company: what customers see, when people are there, teams, accounts, limits; every version of it. */
import './settings.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Json } from '../../shared/frames';
import { isRecord, list, text } from '../../shared/frames';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { problemsAt, read, write } from './document';
import { Choices, Faults, LinesField, NumberField, TextField, TextPair } from './fields';
import type { Form } from './fields';
import { Accounts } from './Accounts';
import { Contrast, Preview } from './Preview';
import { SettingsHistory } from './SettingsHistory';
import { EXPORT, checkSettings, fetchSettings, refusal, saveSettings } from './settingsApi';
import type { Current, Path, Problem } from './settingsApi';
import { Coverage } from './Coverage';
import { Teams } from './Teams';

const TYPING_MS = 350;
const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
const TABS = ['', 'staff', 'history'] as const;

export function SettingsPage({ rest }: { rest: readonly string[] }) {
  const { t } = useShell();
  const loaded = useLoad(fetchSettings, []);
  const tab = TABS.find((one) => one === rest[0]) ?? '';
  return (
    <>
      <div class="page-head">
        <h2>{t('page_settings')}</h2>
        <a class="button outline" href={EXPORT} download="company.toml">
          {t('settingsExport')}
        </a>
        <p>{t('settingsAbout')}</p>
      </div>
      <nav class="settings-tabs" aria-label={t('page_settings')}>
        {TABS.map((one) => (
          <a key={one} href={one ? routeTo('settings', one) : routeTo('settings')} aria-current={one === tab ? 'page' : undefined}>
            {t(`settingsTab_${one || 'company'}`)}
          </a>
        ))}
      </nav>
      <Waiting of={loaded}>
        {(current) =>
          tab === 'staff' ? (
            <Accounts teams={teamsOf(current.settings)} />
          ) : tab === 'history' ? (
            <SettingsHistory current={current} onChanged={loaded.setData} />
          ) : (
            <Editor key={current.version} current={current} onSaved={loaded.setData} onReload={loaded.reload} />
          )
        }
      </Waiting>
    </>
  );
}

export function teamsOf(settings: Json): { id: string; name: Json }[] {
  return list(read(settings, ['desk', 'teams'])).map((team) => ({
    id: isRecord(team) ? (text(team['id']) ?? '') : '',
    name: isRecord(team) && isRecord(team['name']) ? team['name'] : {},
  }));
}

interface EditorProps {
  current: Current;
  onSaved(current: Current): void;
  onReload(): void;
}

function Editor({ current, onSaved, onReload }: EditorProps) {
  const { t, lang, say, fail } = useShell();
  const [document, setDocument] = useState<Json>(current.settings);
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const [message, setMessage] = useState('');
  const [busy, setBusy] = useState(false);
  const [overtaken, setOvertaken] = useState('');
  const changed = JSON.stringify(document) !== JSON.stringify(current.settings);
  const asked = useRef(0);

  useEffect(() => {
    const mine = ++asked.current;
    if (!changed) {
      setProblems([]);
      return;
    }
    const timer = setTimeout(() => checkSettings(document).then((found) => mine === asked.current && setProblems(found), fail), TYPING_MS);
    return () => clearTimeout(timer);
  }, [document]);

  const languages = list(document['languages']).filter((one) => typeof one === 'string');
  const form: Form = { document, problems, languages, set: (path: Path, value) => setDocument((now) => write(now, path, value)) };

  const save = async () => {
    setBusy(true);
    try {
      onSaved(await saveSettings(current.version, document, message.trim()));
      say(t('settingsSaved'));
    } catch (error) {
      const told = refusal(error);
      if (told === null) fail(error);
      else {
        asked.current += 1;
        setProblems(told.problems);
        if (told.code === 'changed') setOvertaken(told.text[lang]);
        else fail(new Error(told.text[lang]));
      }
      setBusy(false);
    }
  };

  return (
    <>
      {overtaken && (
        <div class="bad-note" role="alert">
          <span>{overtaken}</span>
          <button type="button" class="text-button" onClick={onReload}>
            {t('settingsReload')}
          </button>
        </div>
      )}
      <div class="settings-form">
        <Appearance form={form} />
        <Words form={form} current={current} />
        <Hours form={form} timezone={current.timezone} />
        <Teams form={form} topics={current.topics} />
        <Desk form={form} />
        <Limits form={form} current={current} />
        <Faults form={form} path={[]} />
      </div>
      <div class="save-bar settings-save">
        <span class="faint" role="status">
          {problems.length > 0 ? t('settingsProblems', { n: problems.length }) : changed ? t('unsaved') : t('settingsInForce', { n: current.version })}
        </span>
        {changed && <input name="message" class="settings-why" value={message} maxLength={500} placeholder={t('settingsWhy')} aria-label={t('settingsWhy')} onInput={(event) => setMessage(event.currentTarget.value)} />}
        <button type="button" class="button outline" disabled={!changed || busy} onClick={() => setDocument(current.settings)}>
          {t('discard')}
        </button>
        <button type="button" class="button solid" disabled={!changed || busy || problems.length > 0} onClick={save}>
          {t('save')}
        </button>
      </div>
    </>
  );
}

function Appearance({ form }: { form: Form }) {
  const { t } = useShell();
  const colour = (name: 'primary' | 'accent') => {
    const path = ['colours', name];
    const value = text(read(form.document, path)) ?? '';
    return (
      <div class="field">
        <label for={`colour-${name}`}>{t(`settings_${name}`)}</label>
        <span class="colour-field">
          <input type="color" aria-label={t('settingsPick', { name: t(`settings_${name}`) })} value={/^#[0-9a-f]{6}$/i.test(value) ? value : '#000000'} onInput={(event) => form.set(path, event.currentTarget.value.toUpperCase())} />
          <input id={`colour-${name}`} name={path.join('.')} value={value} maxLength={7} spellcheck={false} aria-invalid={problemsAt(form.problems, path).length > 0} onInput={(event) => form.set(path, event.currentTarget.value)} />
          <Contrast colour={value} />
        </span>
        <Faults form={form} path={path} />
      </div>
    );
  };
  return (
    <section class="card settings-card">
      <h3>{t('settingsAppearance')}</h3>
      <div class="settings-look">
        <div class="form-grid">
          <TextPair form={form} path={['name']} label={t('settingsName')} most={60} />
          <TextPair form={form} path={['tagline']} label={t('settingsTagline')} most={200} />
          <TextField form={form} path={['logo_text']} label={t('settingsLogo')} hint={t('settingsLogoHint')} most={2} />
          {colour('primary')}
          {colour('accent')}
        </div>
        <Preview document={form.document} />
      </div>
    </section>
  );
}

function Words({ form, current }: { form: Form; current: Current }) {
  const { t } = useShell();
  const names = { zh: t('chinese'), en: t('english') };
  return (
    <section class="card settings-card">
      <h3>{t('settingsWords')}</h3>
      <div class="form-grid">
        <TextPair form={form} path={['greeting']} label={t('settingsGreeting')} long most={1000} />
        <Choices
          form={form}
          path={['languages']}
          label={t('settingsLanguages')}
          hint={t('settingsLanguagesHint')}
          options={current.languages.map((value) => ({ value, label: names[value as 'zh'] ?? value }))}
        />
        <label class="field">
          {t('settingsDefault')}
          <select name="default_language" value={text(form.document['default_language'])} onChange={(event) => form.set(['default_language'], event.currentTarget.value)}>
            {current.languages.map((value) => (
              <option key={value} value={value}>
                {names[value as 'zh'] ?? value}
              </option>
            ))}
          </select>
          <Faults form={form} path={['default_language']} />
        </label>
        <div class="side-by-side">
          <TextField form={form} path={['contact', 'email']} label={t('settingsEmail')} most={200} />
          <TextField form={form} path={['contact', 'phone']} label={t('settingsPhone')} most={60} />
        </div>
        <LinesField form={form} path={['embed', 'origins']} label={t('settingsOrigins')} hint={t('settingsOriginsHint')} placeholder="https://shop.example.com" />
      </div>
    </section>
  );
}

function Hours({ form, timezone }: { form: Form; timezone: string }) {
  const { t } = useShell();
  return (
    <section class="card settings-card">
      <h3>
        {t('settingsHours')}
        <small>{timezone}</small>
      </h3>
      <ul class="hours">
        {DAYS.map((day) => {
          const value = read(form.document, ['hours', day]);
          const open = isRecord(value);
          const time = (end: 'open' | 'close') => (
            <input
              class="time"
              name={`hours.${day}.${end}`}
              value={open ? (text(value[end]) ?? '') : ''}
              maxLength={5}
              placeholder="HH:MM"
              aria-label={`${t(`day_${day}`)} ${t(`settings_${end}`)}`}
              aria-invalid={problemsAt(form.problems, ['hours', day]).length > 0}
              onInput={(event) => form.set(['hours', day, end], event.currentTarget.value)}
            />
          );
          return (
            <li key={day}>
              <label>
                <input type="checkbox" checked={open} onChange={(event) => form.set(['hours', day], event.currentTarget.checked ? { open: '09:00', close: '18:00' } : undefined)} />
                {t(`day_${day}`)}
              </label>
              {open ? (
                <span class="times">
                  {time('open')} – {time('close')}
                </span>
              ) : (
                <span class="faint">{t('settingsClosed')}</span>
              )}
              <Faults form={form} path={['hours', day]} />
            </li>
          );
        })}
      </ul>
      <LinesField form={form} path={['hours', 'holidays']} label={t('settingsHolidays')} hint={t('settingsHolidaysHint')} placeholder="2027-02-06" />
    </section>
  );
}

function Desk({ form }: { form: Form }) {
  const { t } = useShell();
  const seconds = (key: 'pick_up_s' | 'reply_s' | 'offer_s' | 'first_reply_s' | 'offline_s' | 'overflow_s') => (
    <NumberField form={form} path={['desk', key]} label={t(`desk_${key}`)} low={0} high={86_400} unit={t('secondsUnit')} />
  );
  return (
    <section class="card settings-card">
      <h3>{t('settingsDesk')}</h3>
      <div class="number-grid">
        <NumberField form={form} path={['desk', 'capacity']} label={t('desk_capacity')} low={1} high={100} />
        {seconds('pick_up_s')}
        {seconds('reply_s')}
        {seconds('offer_s')}
        {seconds('first_reply_s')}
        {seconds('offline_s')}
        {seconds('overflow_s')}
      </div>
    </section>
  );
}

function Limits({ form, current }: { form: Form; current: Current }) {
  const { t } = useShell();
  const bound = read(form.document, ['service', 'risk_bound']);
  return (
    <section class="card settings-card">
      <h3>{t('settingsLimits')}</h3>
      <div class="number-grid">
        <NumberField form={form} path={['service', 'risk_bound']} label={t('settingsRisk')} hint={t('settingsRiskHint')} low={0.001} high={0.5} percent />
        <NumberField form={form} path={['service', 'retention_days']} label={t('settingsRetention')} hint={t('settingsRetentionHint')} low={0} high={36_500} unit={t('daysUnit')} />
      </div>
      {typeof bound === 'number' && problemsAt(form.problems, ['service', 'risk_bound']).length === 0 && <Coverage bound={bound} languages={form.languages} />}
      <h4>{t('settingsTargets')}</h4>
      <div class="number-grid">
        <NumberField form={form} path={['figures', 'target_coverage']} label={t('figureCoverage')} low={0.01} high={1} percent />
        <NumberField form={form} path={['figures', 'target_response_s']} label={t('figureResponse')} low={0.1} high={3_600} unit={t('secondsUnit')} />
        <NumberField form={form} path={['figures', 'target_intents']} label={t('figureIntents')} low={0.01} high={1} percent />
        <NumberField form={form} path={['figures', 'target_entities']} label={t('figureEntities')} low={0.01} high={1} percent />
        <NumberField form={form} path={['figures', 'minutes_per_conversation']} label={t('settingsMinutes')} low={0} high={600} unit={t('minutesUnit')} />
        <NumberField form={form} path={['figures', 'cost_per_hour']} label={t('settingsCost')} low={0} high={1_000_000} unit={current.currency} />
      </div>
    </section>
  );
}
