/** Who changed and saw what. */
import { useEffect, useState } from 'preact/hooks';
import { dateAndClock } from '../shared/time';
import { useLoad, Waiting } from './load';
import { AUDIT_PAGE, fetchAboutCustomer, fetchAudit } from './safetyApi';
import type { AuditEntry, AuditSearch } from './safetyApi';
import { useShell } from './shell';

const TYPING_MS = 250;
const SHORTEST_NAME = 5;

/** Who looked at a customer: for when the customer asks. */
function AboutCustomer() {
  const { t } = useShell();
  const [name, setName] = useState('');
  const [found, setFound] = useState<{ name: string; entries: AuditEntry[] } | null>(null);
  const [problem, setProblem] = useState('');
  const ask = async () => {
    setProblem('');
    try {
      setFound({ name: name.trim(), entries: await fetchAboutCustomer(name.trim()) });
    } catch (error) {
      setFound(null);
      setProblem(error instanceof Error ? error.message : t('loadFailed'));
    }
  };
  return (
    <details class="card about-customer">
      <summary>{t('aboutCustomer')}</summary>
      <form
        class="one-line"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim().length >= SHORTEST_NAME) void ask();
        }}
      >
        <label class="field">
          {t('aboutCustomerName')}
          <input name="customer" value={name} autocomplete="off" spellcheck={false} maxLength={100} onInput={(event) => setName(event.currentTarget.value)} />
          <small>{t('aboutCustomerHint')}</small>
        </label>
        <button type="submit" class="button outline" disabled={name.trim().length < SHORTEST_NAME}>
          {t('aboutCustomerAsk')}
        </button>
        <p class="problem" role="alert">
          {problem}
        </p>
      </form>
      {found && (found.entries.length === 0 ? <p class="empty">{t('aboutCustomerNone')}</p> : <Entries entries={found.entries} />)}
    </details>
  );
}

export function AuditLog() {
  const { t, fail } = useShell();
  const [typed, setTyped] = useState<AuditSearch>({ words: '', actor: '', target: '' });
  const [search, setSearch] = useState(typed);
  const first = useLoad(() => fetchAudit(search), [search]);
  const [older, setOlder] = useState<{ of: AuditEntry[] | null; entries: AuditEntry[]; all: boolean }>({ of: null, entries: [], all: false });

  useEffect(() => {
    const timer = setTimeout(() => setSearch(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const more = older.of === first.data ? older : { of: first.data, entries: [], all: (first.data?.length ?? 0) < AUDIT_PAGE };
  const loadMore = async () => {
    const last = [...(first.data ?? []), ...more.entries].at(-1);
    try {
      const next = await fetchAudit(search, last?.id);
      setOlder({ of: first.data, entries: [...more.entries, ...next], all: next.length < AUDIT_PAGE });
    } catch (error) {
      fail(error);
    }
  };
  const field = (name: keyof AuditSearch, label: string) => (
    <label class="field">
      {label}
      <input type="search" value={typed[name]} spellcheck={false} autocomplete="off" onInput={(event) => setTyped({ ...typed, [name]: event.currentTarget.value })} />
    </label>
  );

  return (
    <>
      <div class="page-head">
        <h2>{t('page_audit')}</h2>
        <p>{t('auditAbout')}</p>
      </div>
      <div class="filters" role="search">
        {field('words', t('auditWords'))}
        {field('actor', t('auditActor'))}
        {field('target', t('auditTarget'))}
      </div>
      <AboutCustomer />
      <section class="card">
        <Waiting of={first}>
          {(entries) =>
            entries.length === 0 ? (
              <p class="empty">{t('auditNone')}</p>
            ) : (
              <>
                <Entries entries={[...entries, ...more.entries]} />
                {!more.all && (
                  <button type="button" class="button outline more" onClick={loadMore}>
                    {t('loadMore')}
                  </button>
                )}
              </>
            )
          }
        </Waiting>
      </section>
    </>
  );
}

function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  const { t, lang, coded } = useShell();
  return (
    <table class="stacked">
      <thead>
        <tr>
          <th scope="col">{t('auditAt')}</th>
          <th scope="col">{t('auditActor')}</th>
          <th scope="col">{t('auditAction')}</th>
          <th scope="col">{t('auditTarget')}</th>
          <th scope="col">{t('auditDetail')}</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id}>
            <td class="when">
              <time dateTime={entry.at}>{dateAndClock(entry.at, lang)}</time>
            </td>
            <th scope="row">{entry.actor}</th>
            <td>{coded('audit', entry.action.replace(/\./g, '_'))}</td>
            <td class="code-like">{entry.target}</td>
            <td class="faint">
              {Object.entries(entry.detail)
                .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
                .join(' · ')}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
