/** Every version of the help articles: who published it and why, what it changed, and back to it. */
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { dateAndClock } from '../../shared/time';
import { refusal } from '../graph/graphApi';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { fetchDiff, fetchVersions, rollBack } from './articlesApi';
import type { ArticleChange, Version } from './articlesApi';
import { usePathName } from './names';

const TYPING_MS = 250;

export function LibraryHistory() {
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
      <p class="faint">{t('articlesHistoryAbout')}</p>
      <label class="field">
        {t('historySearch')}
        <input type="search" value={typed} autocomplete="off" onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
      <Waiting of={first}>
        {({ versions }) => (
          <>
            <ol class="versions">
              {[...versions, ...more.versions].map((one) => (
                <Card key={one.version} version={one} onBack={() => setBack(one)} />
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
      {back && <BackDialog version={back} onDo={(message) => void roll(back, message)} onClose={() => setBack(null)} />}
    </>
  );
}

function Card({ version, onBack }: { version: Version; onBack(): void }) {
  const { t, lang } = useShell();
  const [open, setOpen] = useState(false);
  const count = (change: string) => version.changes.filter((one) => one.change === change).length;
  const origin = version.origin === 'seed' ? t('origin_articles_seed') : version.of === null ? '' : t('origin_rollback', { n: version.of });
  return (
    <li class="card version">
      <h3>
        {t('versionNumber', { n: version.version })}
        {version.active && <span class="live-mark">{t('inService')}</span>}
        <small>{[version.authorName, dateAndClock(version.at, lang)].filter(Boolean).join(' · ')}</small>
      </h3>
      <p>{version.message || origin}</p>
      {version.message && origin && <p class="faint">{origin}</p>}
      <div class="card-buttons">
        {version.version > 1 && (
          <button type="button" class="button outline" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t('versionChanges', { added: count('added'), changed: count('changed'), removed: count('removed') })}
          </button>
        )}
        {!version.active && (
          <button type="button" class="button plain" onClick={onBack}>
            {t('rollBack')}
          </button>
        )}
      </div>
      {open && <Changes from={version.version - 1} to={version.version} />}
    </li>
  );
}

function Changes({ from, to }: { from: number; to: number }) {
  const diff = useLoad(() => fetchDiff(from, to), [from, to]);
  return <Waiting of={diff}>{(changes) => <ArticleDiff changes={changes} />}</Waiting>;
}

function ArticleDiff({ changes }: { changes: readonly ArticleChange[] }) {
  const { t, lang, coded } = useShell();
  const pathName = usePathName();
  if (changes.length === 0) return <p class="empty">{t('diffNone')}</p>;
  return (
    <div class="diff">
      {changes.map((one) => (
        <details key={one.id} class={`diff-node ${one.change}`} open={changes.length <= 4}>
          <summary>
            <span class={`chip ${one.change}`}>{coded('diff', one.change)}</span>
            <strong>{one.title[lang] || one.id}</strong>
            <code>{one.id}</code>
          </summary>
          <dl>
            {one.fields.map((field) => (
              <div key={field.path.join('.')}>
                <dt>{pathName(field.path)}</dt>
                <dd class="article-diff">
                  {field.before && <del>{field.before}</del>}
                  {field.after && <ins>{field.after}</ins>}
                </dd>
              </div>
            ))}
          </dl>
        </details>
      ))}
    </div>
  );
}

function BackDialog({ version, onDo, onClose }: { version: Version; onDo(message: string): void; onClose(): void }) {
  const { t } = useShell();
  const [message, setMessage] = useState('');
  return (
    <FormDialog title={t('rollBackTo', { n: version.version })} action={t('rollBack')} ready={message.trim() !== ''} onDo={() => onDo(message.trim())} onClose={onClose}>
      <label class="field">
        {t('publishMessage')}
        <input name="message" value={message} maxLength={500} onInput={(event) => setMessage(event.currentTarget.value)} />
      </label>
    </FormDialog>
  );
}
