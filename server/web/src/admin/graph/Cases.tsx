/** Saved talks that every publish is tried on. */
import { useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { text } from '../../shared/frames';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { deleteCase, fetchCases, fetchOverview, fetchVersionGraph } from './graphApi';
import type { Case } from './graphApi';
import { called } from './model';

export function Cases() {
  const { t, lang, coded, say, fail } = useShell();
  const loaded = useLoad(async () => {
    const [cases, { active }] = await Promise.all([fetchCases(), fetchOverview()]);
    return { cases, nodes: (await fetchVersionGraph(active.version)).nodes };
  }, []);
  const [removing, setRemoving] = useState<Case | null>(null);
  const remove = async (one: Case) => {
    try {
      await deleteCase(one.id);
      say(t('caseRemoved'));
      loaded.reload();
    } catch (error) {
      fail(error);
    }
    setRemoving(null);
  };
  return (
    <>
      <div class="page-head">
        <h2>{t('page_cases')}</h2>
        <p>{t('casesAbout')}</p>
      </div>
      <Waiting of={loaded}>
        {({ cases, nodes }) =>
          cases.length === 0 ? (
            <p class="empty card">{t('casesNone')}</p>
          ) : (
            <section class="card">
              <table class="stacked">
                <thead>
                  <tr>
                    <th scope="col">{t('caseTitle')}</th>
                    <th scope="col">{t('trySymptom')}</th>
                    <th scope="col">{t('caseExpects')}</th>
                    <th scope="col">{t('caseBy')}</th>
                    <td />
                  </tr>
                </thead>
                <tbody>
                  {cases.map((one) => (
                    <tr key={one.id}>
                      <th scope="row">{one.title}</th>
                      <td>{called(nodes, one.symptom, lang)}</td>
                      <td>{expected(one)}</td>
                      <td class="faint">{[one.author, dateAndClock(one.at, lang)].filter(Boolean).join(' · ')}</td>
                      <td class="number">
                        <button type="button" class="button plain" aria-label={t('caseRemove', { title: one.title })} onClick={() => setRemoving(one)}>
                          {t('remove')}
                        </button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </section>
          )
        }
      </Waiting>
      {removing && (
        <FormDialog title={t('caseRemove', { title: removing.title })} action={t('remove')} onDo={() => remove(removing)} onClose={() => setRemoving(null)}>
          <p>{t('caseRemoveText')}</p>
        </FormDialog>
      )}
    </>
  );

  function expected({ expect }: Case): string {
    const nodes = loaded.data?.nodes ?? new Map();
    const name = (key: string) => called(nodes, text(expect[key]) ?? '', lang);
    const end = text(expect['end']);
    const parts = [
      end === 'solved' ? t('endedSolved') : end === 'handoff' ? t('endedHandoff', { reason: coded('reason', text(expect['reason']) ?? '') }) : t('endedOpen'),
      expect['node'] ? `${t(end === 'solved' ? 'caseBy_fix' : 'caseNext')} ${name('node')}` : '',
      expect['fault'] ? `${t('caseFault')} ${name('fault')}` : '',
    ];
    return parts.filter(Boolean).join(' · ');
  }
}
