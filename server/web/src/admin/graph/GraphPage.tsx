/** The drafts and the version in service; a draft is opened in the editor. */
import { useRef, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { Exports } from './Exports';
import { deleteDraft, fetchDraft, fetchOverview, formatOf, importFile, openDraft, refusal } from './graphApi';
import type { DraftCard } from './graphApi';
import { ProblemList } from './NodeForm';
import { readProblems } from './problems';
import type { Problem } from './problems';

export function GraphPage({ rest }: { rest: readonly string[] }) {
  const [id] = rest;
  return id === undefined ? <Drafts /> : <OpenDraft key={id} id={id} />;
}

function OpenDraft({ id }: { id: string }) {
  // The editor brings the library that draws: only who edits waits for it.
  const loaded = useLoad(async () => {
    const [draft, { Editor }] = await Promise.all([fetchDraft(id), import('./Editor')]);
    return { draft, Editor };
  }, [id]);
  return <Waiting of={loaded}>{({ draft, Editor }) => <Editor draft={draft} />}</Waiting>;
}

const MOST_MB = 8;

function Drafts() {
  const { t, lang, say, fail } = useShell();
  const overview = useLoad(fetchOverview, []);
  const [removing, setRemoving] = useState<DraftCard | null>(null);
  const [refused, setRefused] = useState<{ text: string; problems: Problem[] } | null>(null);
  const [busy, setBusy] = useState(false);
  const file = useRef<HTMLInputElement>(null);

  const work = async (does: () => Promise<void>) => {
    setBusy(true);
    setRefused(null);
    try {
      await does();
    } catch (error) {
      const told = refusal(error);
      if (told?.code === 'unusable') setRefused({ text: told.text[lang], problems: readProblems(told.body['problems']) });
      else fail(error);
    }
    setBusy(false);
  };
  const begin = () =>
    work(async () => {
      const draft = await openDraft('');
      location.hash = routeTo('graph', draft.id);
    });
  const take = (given: File | undefined) =>
    given &&
    work(async () => {
      const format = formatOf(given.name);
      if (format === null) return setRefused({ text: t('importFormat'), problems: [] });
      if (given.size > MOST_MB * 1024 * 1024) return setRefused({ text: t('importLarge', { n: MOST_MB }), problems: [] });
      const draft = await importFile(given, format);
      location.hash = routeTo('graph', draft.id);
    });
  const remove = (draft: DraftCard) =>
    work(async () => {
      await deleteDraft(draft.id);
      say(t('draftDeleted'));
      overview.reload();
    });

  return (
    <>
      <div class="page-head">
        <h2>{t('page_graph')}</h2>
        <p>{t('graphAbout')}</p>
        <button type="button" class="button outline" disabled={busy} onClick={() => file.current?.click()}>
          {t('import')}
        </button>
        <input ref={file} type="file" hidden accept=".yaml,.yml,.json,.graphml,.xml,.csv" aria-label={t('import')} onChange={(event) => (take(event.currentTarget.files?.[0]), (event.currentTarget.value = ''))} />
        <button type="button" class="button solid" disabled={busy} onClick={begin}>
          {t('draftNew')}
        </button>
      </div>
      {refused && (
        <div class="card refused" role="alert">
          <p>{refused.text}</p>
          {refused.problems.length > 1 && <ProblemList problems={refused.problems} />}
        </div>
      )}
      <Waiting of={overview}>
        {({ active, versions, drafts }) => (
          <>
            <section class="card version-card">
              <h3>
                <span class="live-mark">{t('versionActive', { n: active.version })}</span>
                <small>{t('versionsAll', { n: versions })}</small>
              </h3>
              <p>{active.message || t(active.origin === 'seed' ? 'origin_seed' : 'noMessage')}</p>
              <p class="faint">{[active.authorName, dateAndClock(active.at, lang)].filter(Boolean).join(' · ')}</p>
              <Exports of="active" />
            </section>
            <h3 class="list-head">{t('drafts')}</h3>
            {drafts.length === 0 ? (
              <p class="empty card">{t('draftsNone')}</p>
            ) : (
              <ul class="cards">
                {drafts.map((draft) => (
                  <li class="card" key={draft.id}>
                    <h3>
                      <a href={routeTo('graph', draft.id)}>{draft.title || t('draftOf', { name: draft.authorName })}</a>
                      {draft.moved && <small class="warned">{t('draftMoved')}</small>}
                    </h3>
                    <p class="faint">{t('draftBase', { n: draft.base })} · {t('draftChanged', { n: draft.changed })}</p>
                    <p class="faint">{[draft.authorName, dateAndClock(draft.updated || draft.at, lang)].join(' · ')}</p>
                    <div class="card-buttons">
                      <a class="button outline" href={routeTo('graph', draft.id)}>
                        {t('open')}
                      </a>
                      <button type="button" class="button plain" disabled={busy} onClick={() => setRemoving(draft)}>
                        {t('remove')}
                      </button>
                    </div>
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Waiting>
      {removing && (
        <FormDialog
          title={t('draftRemove')}
          action={t('remove')}
          onDo={() => {
            void remove(removing);
            setRemoving(null);
          }}
          onClose={() => setRemoving(null)}
        >
          <p>{t('draftRemoveText', { n: removing.changed })}</p>
        </FormDialog>
      )}
    </>
  );
}
