/** What closed cases have taught about how likely each fault is, to be taken into a draft. */
import { useState } from 'preact/hooks';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { acceptPriors, fetchDraft, fetchOverview, fetchPriors, openDraft, refusal } from './graphApi';

const NEW = 'new';
const percent = (share: number): string => `${Number((100 * share).toPrecision(3))}%`;

export function Priors() {
  const { t, lang, fail } = useShell();
  const loaded = useLoad(async () => {
    const [learnt, { drafts }] = await Promise.all([fetchPriors(), fetchOverview()]);
    return { ...learnt, drafts };
  }, []);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [into, setInto] = useState(NEW);
  const [busy, setBusy] = useState(false);

  const accept = async () => {
    setBusy(true);
    try {
      const draft = into === NEW ? await openDraft(t('page_priors')) : await fetchDraft(into);
      await acceptPriors(draft.id, draft.revision, [...chosen]);
      location.hash = routeTo('graph', draft.id);
    } catch (error) {
      const told = refusal(error);
      fail(told ? new Error(told.text[lang]) : error);
      setBusy(false);
    }
  };

  return (
    <>
      <div class="page-head">
        <h2>{t('page_priors')}</h2>
        <p>{t('priorsAbout')}</p>
      </div>
      <Waiting of={loaded}>
        {({ closed, priors, drafts }) =>
          priors.length === 0 ? (
            <p class="empty card">{t('priorsNone', { n: closed })}</p>
          ) : (
            <>
              <section class="card">
                <table class="stacked">
                  <thead>
                    <tr>
                      <th scope="col">
                        <input
                          type="checkbox"
                          aria-label={t('chooseAll')}
                          checked={chosen.size === priors.length}
                          onChange={(event) => setChosen(new Set(event.currentTarget.checked ? priors.map((one) => one.fault) : []))}
                        />
                      </th>
                      <th scope="col">{t('kind_fault')}</th>
                      <th scope="col" class="number">{t('priorNow')}</th>
                      <th scope="col" class="number">{t('priorProposed')}</th>
                      <th scope="col" class="number">{t('priorRange')}</th>
                      <th scope="col" class="number">{t('priorCases')}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {priors.map((one) => (
                      <tr key={one.fault}>
                        <td>
                          <input
                            type="checkbox"
                            aria-label={one.title[lang] || one.fault}
                            checked={chosen.has(one.fault)}
                            onChange={(event) => {
                              const next = new Set(chosen);
                              if (event.currentTarget.checked) next.add(one.fault);
                              else next.delete(one.fault);
                              setChosen(next);
                            }}
                          />
                        </td>
                        <th scope="row">{one.title[lang] || one.fault}</th>
                        <td class="number">{percent(one.now)}</td>
                        <td class="number">
                          <strong>{percent(one.proposed)}</strong> <span class={one.proposed > one.now ? 'up' : 'down'}>{one.proposed > one.now ? '▲' : '▼'}</span>
                        </td>
                        <td class="number faint">
                          {percent(one.low)} – {percent(one.high)}
                        </td>
                        <td class="number">{t('priorOf', { cases: one.cases, of: one.of })}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </section>
              <div class="save-bar">
                <label class="inline-field">
                  {t('priorsInto')}
                  <select value={into} onChange={(event) => setInto(event.currentTarget.value)}>
                    <option value={NEW}>{t('draftNew')}</option>
                    {drafts.map((draft) => (
                      <option key={draft.id} value={draft.id}>
                        {draft.title || t('draftOf', { name: draft.authorName })}
                      </option>
                    ))}
                  </select>
                </label>
                <button type="button" class="button solid" disabled={busy || chosen.size === 0} onClick={accept}>
                  {t('priorsAccept', { n: chosen.size })}
                </button>
              </div>
            </>
          )
        }
      </Waiting>
    </>
  );
}
