/** Every version of the graph: who published it and why, what it changed, and back to it. */
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { VersionCard, VersionList } from '../VersionList';
import { DiffView } from './DiffView';
import { Exports } from './Exports';
import { fetchDiff, fetchVersions, rollBack } from './graphApi';
import type { Version } from './graphApi';

export function History() {
  const { t } = useShell();
  return (
    <>
      <div class="page-head">
        <h2>{t('page_history')}</h2>
        <p>{t('historyAbout')}</p>
      </div>
      <VersionList
        fetchPage={fetchVersions}
        rollBack={rollBack}
        hint={t('historySearchHint')}
        card={(version, onBack) => <GraphVersion version={version} onBack={onBack} />}
        beforeBack={(version) => (
          <>
            <p>{t('rollBackText')}</p>
            <section class="publish-part">
              <Changes from="active" to={version.version} />
            </section>
          </>
        )}
      />
    </>
  );
}

function GraphVersion({ version, onBack }: { version: Version; onBack(): void }) {
  const { t } = useShell();
  const { parent } = version;
  const origin = version.origin === 'rollback' ? t('origin_rollback', { n: version.of ?? 0 }) : version.origin === 'seed' ? t('origin_seed') : '';
  return (
    <VersionCard
      version={version}
      origin={origin}
      warning={version.overridden && <p class="warned">{t('overridden', { reason: version.overridden })}</p>}
      counts={parent === null ? null : { added: version.added, changed: version.changed, removed: version.removed }}
      changes={() => parent !== null && <Changes from={parent} to={version.version} />}
      onBack={onBack}
    >
      <Exports of={String(version.version)} />
    </VersionCard>
  );
}

function Changes({ from, to }: { from: number | 'active'; to: number }) {
  const diff = useLoad(() => fetchDiff(from, to), [from, to]);
  return <Waiting of={diff}>{(changes) => <DiffView changes={changes} />}</Waiting>;
}
