/** Log-in, the frame of the console and its pages. */
import type { ComponentType } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Login } from '../shared/Login';
import { RestError, logOut } from '../shared/rest';
import type { Company, Staff } from '../shared/rest';
import { LanguageContext, useStaffPage } from '../shared/staffPage';
import { initial } from '../shared/text';
import { Account } from './Account';
import { ArticlesPage } from './articles/ArticlesPage';
import { AuditLog } from './AuditLog';
import { ContentLists } from './ContentLists';
import { Experiments } from './experiments/Experiments';
import { Figures } from './figures/Figures';
import { AnalysisPage } from './graph/AnalysisPage';
import { Cases } from './graph/Cases';
import { GraphPage } from './graph/GraphPage';
import { History } from './graph/History';
import { Priors } from './graph/Priors';
import { Review } from './learning/Review';
import { Training } from './learning/Training';
import { NewIntents } from './NewIntents';
import { Outages } from './outages/Outages';
import { Proposals } from './proposals/Proposals';
import { FOR_SUPERVISORS, SECTIONS, routeTo, useRoute } from './route';
import type { PageName, Section } from './route';
import { SettingsPage } from './settings/SettingsPage';
import { ShellContext, makeShell, useShell } from './shell';

const NOTE_MS = 6_000;

/** Every page gets what follows its name in the address. */
const PAGES: Record<PageName, ComponentType<{ rest: readonly string[] }>> = {
  graph: GraphPage,
  history: History,
  cases: Cases,
  analysis: AnalysisPage,
  priors: Priors,
  articles: ArticlesPage,
  review: Review,
  training: Training,
  figures: Figures,
  experiments: Experiments,
  outages: Outages,
  settings: SettingsPage,
  proposals: Proposals,
  audit: AuditLog,
  content: ContentLists,
  intents: NewIntents,
  account: Account,
};

export function Admin() {
  const { lang, company, staff, setStaff, switchLanguage } = useStaffPage();
  const [note, setNote] = useState<{ text: string; bad: boolean } | null>(null);
  const me = staff !== null && staff !== 'asking' ? staff.username : '';
  const shell = useMemo(() => {
    const made = makeShell(lang, {
      me,
      say: (text) => setNote({ text, bad: false }),
      fail: (error) => {
        if (error instanceof RestError && error.status === 401) setStaff(null);
        else {
          const away = error instanceof RestError && error.status === 0;
          const known = away ? made.t('networkFailed') : error instanceof Error ? error.message : String(error);
          setNote({ text: known, bad: true });
        }
      },
    });
    return made;
  }, [lang, me]);

  useEffect(() => {
    if (note === null || note.bad) return;
    const timer = setTimeout(() => setNote(null), NOTE_MS);
    return () => clearTimeout(timer);
  }, [note]);

  if (staff === 'asking') return null;
  return (
    <LanguageContext.Provider value={lang}>
      <ShellContext.Provider value={shell}>
        {staff === null ? (
          <Login title={shell.t('loginTitle')} company={company} switchLanguage={switchLanguage} onStaff={setStaff} />
        ) : (
          <Frame {...{ staff, company, switchLanguage, note }} closeNote={() => setNote(null)} onLeave={() => setStaff(null)} />
        )}
      </ShellContext.Provider>
    </LanguageContext.Provider>
  );
}

interface FrameProps {
  staff: Staff;
  company: Company | null;
  note: { text: string; bad: boolean } | null;
  switchLanguage(): void;
  closeNote(): void;
  onLeave(): void;
}

function Frame({ staff, company, note, switchLanguage, closeNote, onLeave }: FrameProps) {
  const { t, lang, fail } = useShell();
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const Page = PAGES[route.page];
  const mayOpen = (name: PageName) => staff.role === 'admin' || (staff.role === 'supervisor' && FOR_SUPERVISORS.includes(name));
  const allowed = mayOpen(route.page);

  useEffect(() => {
    document.title = `${t(`page_${route.page}`)} · ${t('title')}${company ? ` · ${company.name[lang]}` : ''}`;
  }, [route.page, t, lang, company]);

  const leave = async () => {
    try {
      await logOut();
      onLeave();
    } catch (error) {
      fail(error);
    }
  };

  return (
    <div class="console">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t('skip')}
      </a>
      <header class="bar">
        <span class="mark" aria-hidden="true">
          {company?.logo || initial(company?.name[lang] ?? '')}
        </span>
        <h1>{t('title')}</h1>
        <a class="button plain" href="/desk">
          {t('desk')}
        </a>
        <span class="bar-note" role="status">
          {note && !note.bad && <span class="done-note">{note.text}</span>}
        </span>
        <button type="button" class="button plain" lang={lang === 'zh' ? 'en' : 'zh-CN'} aria-label={t('languageLabel')} onClick={switchLanguage}>
          {t('language')}
        </button>
        <span class="me">{staff.name}</span>
        <button type="button" class="button plain" onClick={leave}>
          {t('logout')}
        </button>
      </header>
      {(staff.role === 'admin' || staff.role === 'supervisor') && <Navigation page={route.page} mayOpen={mayOpen} />}
      <main id="main" tabIndex={-1} ref={main} class={`page${route.page === 'graph' && route.rest.length > 0 ? ' whole' : ''}`}>
        {note?.bad && (
          <div class="bad-note" role="alert">
            <span>{note.text}</span>
            <button type="button" class="text-button" onClick={closeNote}>
              {t('dismiss')}
            </button>
          </div>
        )}
        {!allowed ? <p class="empty">{t('adminsOnly')}</p> : <Page key={route.page} rest={route.rest} />}
      </main>
    </div>
  );
}

function Navigation({ page, mayOpen }: { page: PageName; mayOpen(name: PageName): boolean }) {
  const { t } = useShell();
  return (
    <nav class="navigation" aria-label={t('navigation')}>
      {(Object.keys(SECTIONS) as Section[]).filter((section) => SECTIONS[section].some(mayOpen)).map((section) => (
        <section key={section} aria-labelledby={`nav-${section}`}>
          <h2 id={`nav-${section}`}>{t(`section_${section}`)}</h2>
          <ul>
            {SECTIONS[section].filter(mayOpen).map((name) => (
              <li key={name}>
                <a href={routeTo(name)} aria-current={name === page ? 'page' : undefined}>
                  {t(`page_${name}`)}
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}
