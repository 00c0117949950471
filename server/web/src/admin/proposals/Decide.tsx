/** The proposals of one run: each with its source sentence, taken into a draft or put aside. */
import { useState } from 'preact/hooks';
import { RestError } from '../../shared/rest';
import { isRecord, number } from '../../shared/frames';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { accept, beginDraft, fetchPlaces, fetchProposals, refuse } from './proposalsApi';
import type { DraftHead, Proposal } from './proposalsApi';

const LANGS = ['zh', 'en'] as const;

export function Decide({ run }: { run: number }) {
  const { t, lang, coded, say, fail } = useShell();
  const loaded = useLoad(() => fetchProposals(run), [run]);
  const places = useLoad(fetchPlaces, []);
  const [draft, setDraft] = useState<DraftHead | null>(null);
  const [symptoms, setSymptoms] = useState<Record<number, string>>({});

  const begin = async () => {
    try {
      const made = await beginDraft(t('proposalsDraftTitle', { n: run }));
      setDraft(made);
      places.reload();
    } catch (error) {
      fail(error);
    }
  };
  const take = async (one: Proposal) => {
    if (!draft) return;
    try {
      setDraft({ ...draft, revision: await accept(one.id, draft, symptoms[one.id] ?? '') });
      say(t('proposalAccepted', { name: one.name[lang] }));
    } catch (error) {
      const body = error instanceof RestError ? error.body : null;
      const moved = isRecord(body) && body['code'] === 'changed' ? number(body['revision']) : undefined;
      if (moved === undefined) fail(error);
      else {
        setDraft({ ...draft, revision: moved });
        say(t('proposalAgain'));
      }
    }
    loaded.reload();
  };
  const putAside = async (one: Proposal) => {
    try {
      await refuse(one.id);
    } catch (error) {
      fail(error);
    }
    loaded.reload();
  };

  return (
    <>
      <div class="page-head">
        <h2>{t('page_proposals')}</h2>
        <p>
          <a href={routeTo('proposals')}>{t('proposalsBack')}</a>
        </p>
      </div>
      <div class="filters">
        <label class="field">
          {t('proposalsDraft')}
          <select
            value={draft?.id ?? ''}
            onChange={(event) => setDraft(places.data?.drafts.find((one) => one.id === event.currentTarget.value) ?? null)}
          >
            <option value="">{t('proposalsChooseDraft')}</option>
            {[...(places.data?.drafts ?? [])].map((one) => (
              <option key={one.id} value={one.id}>
                {one.title || one.id}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="button outline" onClick={begin}>
          {t('proposalsNewDraft')}
        </button>
        {draft && (
          <a class="button plain" href={routeTo('graph', draft.id)}>
            {t('proposalsOpenDraft')}
          </a>
        )}
      </div>
      <Waiting of={loaded}>
        {(proposals) =>
          proposals.length === 0 ? (
            <p class="empty card">{t('proposalsNothing')}</p>
          ) : (
            <ul class="outage-list">
              {proposals.map((one) => (
                <li class="card outage" key={one.id} data-node={one.node}>
                  <h3>
                    {t(`kind_${one.kind}`)}
                    <small>
                      {one.node}
                      {one.state !== 'open' && ` · ${coded('proposalState', one.state)} · ${one.by}`}
                    </small>
                  </h3>
                  <div class="side-by-side">
                    {LANGS.map((language) => (
                      <div key={language} lang={language === 'zh' ? 'zh-CN' : 'en'}>
                        <h4>{one.name[language]}</h4>
                        <p>{one.words[language]}</p>
                      </div>
                    ))}
                  </div>
                  <figure class="source">
                    <figcaption class="faint">{t('proposalSource')}</figcaption>
                    <blockquote>{one.source}</blockquote>
                  </figure>
                  {one.state === 'open' && (
                    <div class="card-buttons">
                      {one.kind === 'fault' && (
                        <label class="field">
                          {t('proposalCauses')}
                          <select value={symptoms[one.id] ?? ''} onChange={(event) => setSymptoms({ ...symptoms, [one.id]: event.currentTarget.value })}>
                            <option value="">{t('proposalNoSymptom')}</option>
                            {places.data?.symptoms.map((symptom) => (
                              <option key={symptom.id} value={symptom.id}>
                                {symptom.name[lang]}
                              </option>
                            ))}
                          </select>
                        </label>
                      )}
                      <button type="button" class="button solid" disabled={!draft} onClick={() => take(one)}>
                        {t('proposalAccept')}
                      </button>
                      <button type="button" class="button plain" onClick={() => putAside(one)}>
                        {t('proposalRefuse')}
                      </button>
                    </div>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Waiting>
    </>
  );
}
