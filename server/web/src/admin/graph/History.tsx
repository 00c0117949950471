/** Every version: who published it and why, what it changed, and back to it. */
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { DiffView } from './DiffView';
import { Exports } from './Exports';
import { fetchDiff, fetchVersions, refusal, rollBack } from './graphApi';
import type { Version } from './graphApi';

const TYPING_MS = 250;

export function History() {
  const { t, lang, say, fail } = useShell();
  const [typed, setTyped] = useState('');
  const [words, setWords] = useState('');
  const first = useLoad(() => fetchVersions(words), [words]);
  const [older, setOlder] = useState<{ of: unknown; versions: Version[]; next: number | null }>({ of: null, versions: [], next: null });
  const [back, setBack] = useState<Version | null>(null);

  useEffect(() => {
    const timer = setTimeout(() => setWords(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);

  const more = older.of === first.data ? older : { of: first.data, versions: [], next: first.data?.next ?? null };
  const loadMore = async () => {
    if (more.next === null) return;
    try {
      const page = await fetchVersions(words, more.next);
      setOlder({ of: first.data, versions: [...more.versions, ...page.versions], next: page.next });
    } catch (error) {
      fail(error);
    }
  };
  const roll = async (version: Version, message: string) => {
    try {
      await rollBack(version.version, message);
      say(t('rolledBack', { n: version.version }));
      first.reload();
    } catch (error) {
      const told = refusal(error);
      fail(told ? new Error(told.text[lang]) : error);
    }
    setBack(null);
  };

  return (
    <>
      <div class="page-head">
        <h2>{t('page_history')}</h2>
        <p>{t('historyAbout')}</p>
      </div>
      <label class="field">
        {t('historySearch')}
        <input type="search" value={typed} placeholder={t('historySearchHint')} autocomplete="off" onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <Waiting of={first}>
        {({ versions }) => (
          <>
            {versions.length === 0 && <p class="empty card">{t('historyNone')}</p>}
            <ol class="versions">
              {[...versions, ...more.versions].map((version) => (
                <VersionCard key={version.version} version={version} onBack={() => setBack(version)} />
              ))}
            </ol>
            {more.next !== null && (
              <button type="button" class="button outline more" onClick={loadMore}>
                {t('loadMore')}
              </button>
            )}
          </>
        )}
      </Waiting>
      {back && <BackDialog version={back} onDo={(message) => roll(back, message)} onClose={() => setBack(null)} />}
    </>
  );
}

function VersionCard({ version, onBack }: { version: Version; onBack(): void }) {
  const { t, lang } = useShell();
  const [open, setOpen] = useState(false);
  const origin = version.origin === 'rollback' ? t('origin_rollback', { n: version.of ?? 0 }) : version.origin === 'seed' ? t('origin_seed') : '';
  return (
    <li class="card version">
      <h3>
        {t('versionNumber', { n: version.version })}
        {version.active && <span class="live-mark">{t('inService')}</span>}
        <small>{[version.authorName, dateAndClock(version.at, lang)].filter(Boolean).join(' · ')}</small>
      </h3>
      <p>{version.message || origin || t('noMessage')}</p>
      {version.message && origin && <p class="faint">{origin}</p>}
      {version.overridden && <p class="warned">{t('overridden', { reason: version.overridden })}</p>}
      <div class="card-buttons">
        {version.parent !== null && (
          <button type="button" class="button outline" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t('versionChanges', { added: version.added, changed: version.changed, removed: version.removed })}
          </button>
        )}
        {!version.active && (
          <button type="button" class="button plain" onClick={onBack}>
            {t('rollBack')}
          </button>
        )}
        <Exports of={String(version.version)} />
      </div>
      {open && version.parent !== null && <Changes from={version.parent} to={version.version} />}
    </li>
  );
}

function Changes({ from, to }: { from: number; to: number }) {
  const diff = useLoad(() => fetchDiff(from, to), [from, to]);
  return <Waiting of={diff}>{(changes) => <DiffView changes={changes} />}</Waiting>;
}

function BackDialog({ version, onDo, onClose }: { version: Version; onDo(message: string): void; onClose(): void }) {
  const { t } = useShell();
  const [message, setMessage] = useState('');
  const diff = useLoad(() => fetchDiff('active', version.version), [version.version]);
  return (
    <FormDialog title={t('rollBackTo', { n: version.version })} action={t('rollBack')} wide ready={message.trim() !== ''} onDo={() => onDo(message.trim())} onClose={onClose}>
      <div class="form-grid">
        <p>{t('rollBackText')}</p>
        <section class="publish-part">
          <Waiting of={diff}>{(changes) => <DiffView changes={changes} />}</Waiting>
        </section>
        <label class="field">
          {t('publishMessage')}
          <input name="message" value={message} maxLength={500} onInput={(event) => setMessage(event.currentTarget.value)} />
        </label>
      </div>
    </FormDialog>
  );
}
