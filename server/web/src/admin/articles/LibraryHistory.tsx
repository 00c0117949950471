/** Every version of the help articles: who published it and why, what it changed, and back to it. */
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { VersionCard, VersionList } from '../VersionList';
import { fetchDiff, fetchVersions, rollBack } from './articlesApi';
import type { ArticleChange, Version } from './articlesApi';
import { usePathName } from './names';

export function LibraryHistory() {
  const { t } = useShell();
  return (
    <>
      <p class="faint">{t('articlesHistoryAbout')}</p>
      <VersionList fetchPage={fetchVersions} rollBack={rollBack} card={(version, onBack) => <LibraryVersion version={version} onBack={onBack} />} />
    </>
  );
}

function LibraryVersion({ version, onBack }: { version: Version; onBack(): void }) {
  const { t } = useShell();
  const count = (change: string) => version.changes.filter((one) => one.change === change).length;
  const origin = version.origin === 'seed' ? t('origin_articles_seed') : version.of === null ? '' : t('origin_rollback', { n: version.of });
  return (
    <VersionCard
      version={version}
      origin={origin}
      counts={version.version > 1 ? { added: count('added'), changed: count('changed'), removed: count('removed') } : null}
      changes={() => <Changes from={version.version - 1} to={version.version} />}
      onBack={onBack}
    />
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
