/** Known outages: what customers of an area are told at once, in place of a diagnosis. */
import { useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { OutageDialog } from './OutageDialog';
import { EMPTY, endOutage, fetchOutages, removeOutage } from './outagesApi';
import type { Option, Outage, OutageDraft, Outages as Known } from './outagesApi';

const STATES = ['present', 'planned', 'past'] as const;
type Act = 'end' | 'remove';

export function Outages() {
  const { t, say, fail } = useShell();
  const loaded = useLoad(fetchOutages, []);
  const [edited, setEdited] = useState<{ draft: OutageDraft; stored: Outage | null } | null>(null);
  const [asked, setAsked] = useState<{ act: Act; outage: Outage } | null>(null);

  const act = async ({ act: what, outage }: { act: Act; outage: Outage }) => {
    setAsked(null);
    try {
      await (what === 'end' ? endOutage(outage) : removeOutage(outage));
      say(t(what === 'end' ? 'outageEnded' : 'outageRemoved'));
    } catch (error) {
      fail(error);
    }
    loaded.reload();
  };

  return (
    <>
      <div class="page-head">
        <h2>{t('page_outages')}</h2>
        <p>{t('outagesAbout')}</p>
        <button type="button" class="button solid" disabled={loaded.data === null} onClick={() => setEdited({ draft: EMPTY, stored: null })}>
          {t('outageNew')}
        </button>
      </div>
      <Waiting of={loaded}>
        {(known) => (
          <>
            {known.items.length === 0 && <p class="empty card">{t('outagesNone')}</p>}
            {STATES.map((state) => {
              const items = known.items.filter((one) => one.state === state);
              return (
                items.length > 0 && (
                  <section key={state} aria-labelledby={`outages-${state}`}>
                    <h3 id={`outages-${state}`} class="outages-head">
                      {t(`outages_${state}`)}
                    </h3>
                    <ul class="outage-list">
                      {items.map((outage) => (
                        <Card
                          key={outage.id}
                          {...{ outage, known }}
                          onEdit={() => setEdited({ draft: outage, stored: outage })}
                          onCopy={() => setEdited({ draft: { ...outage, begins: '', expectedEnd: '' }, stored: null })}
                          onAct={(what) => setAsked({ act: what, outage })}
                        />
                      ))}
                    </ul>
                  </section>
                )
              );
            })}
          </>
        )}
      </Waiting>
      {edited && loaded.data && (
        <OutageDialog
          known={loaded.data}
          {...edited}
          onClose={() => setEdited(null)}
          onSaved={() => {
            setEdited(null);
            say(t('outageSaved'));
            loaded.reload();
          }}
        />
      )}
      {asked && (
        <FormDialog
          title={t(asked.act === 'end' ? 'outageEndAsk' : 'outageRemoveAsk')}
          action={t(asked.act === 'end' ? 'outageEnd' : 'remove')}
          onDo={() => act(asked)}
          onClose={() => setAsked(null)}
        >
          <p>{asked.act === 'end' ? t('outageEndText', { n: asked.outage.told }) : t('outageRemoveText')}</p>
        </FormDialog>
      )}
    </>
  );
}

interface CardProps {
  outage: Outage;
  known: Known;
  onEdit(): void;
  onCopy(): void;
  onAct(act: Act): void;
}

function Card({ outage, known, onEdit, onCopy, onAct }: CardProps) {
  const { t, lang } = useShell();
  const other = lang === 'zh' ? 'en' : 'zh';
  const named = (ids: readonly string[], options: readonly Option[]) => ids.map((id) => options.find((one) => one.id === id)?.name[lang] ?? id);
  const where = outage.everywhere ? [t('outageEverywhere')] : [...named(outage.places, known.places), ...outage.areas];
  const about = [...named(outage.intents, known.intents), ...named(outage.symptoms, known.symptoms), ...named(outage.products, known.products)];
  const rows: [string, string][] = [
    [t('outageWhere'), where.join(' · ')],
    [t('outageTroubles'), about.join(' · ')],
    [t('outageBegins'), dateAndClock(outage.begins, lang)],
    outage.ended ? [t('outageEndedAt'), dateAndClock(outage.ended, lang)] : [t('outageExpected'), outage.expectedEnd ? dateAndClock(outage.expectedEnd, lang) : t('outageOpen')],
    [t('outageTold'), String(outage.told)],
    [t('outageBy'), outage.author],
  ];
  return (
    <li class="card outage" data-outage={outage.id}>
      <div class="side-by-side">
        {([lang, other] as const).map((language) => (
          <div key={language} lang={language === 'zh' ? 'zh-CN' : 'en'}>
            <h4>{outage.title[language]}</h4>
            <p>{outage.text[language]}</p>
          </div>
        ))}
      </div>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {outage.problems.length > 0 && (
        <ul class="outage-problems">
          {outage.problems.map((problem, index) => (
            <li key={index} class={problem.warning ? 'warning' : 'error'}>
              {problem.text[lang]}
            </li>
          ))}
        </ul>
      )}
      <div class="card-buttons">
        {outage.state === 'past' ? (
          <button type="button" class="button outline" onClick={onCopy}>
            {t('outageCopy')}
          </button>
        ) : (
          <button type="button" class="button outline" onClick={onEdit}>
            {t('edit')}
          </button>
        )}
        {outage.state === 'present' && (
          <button type="button" class="button solid" onClick={() => onAct('end')}>
            {t('outageEnd')}
          </button>
        )}
        {outage.state === 'planned' && (
          <button type="button" class="button plain" onClick={() => onAct('remove')}>
            {t('remove')}
          </button>
        )}
      </div>
    </li>
  );
}
