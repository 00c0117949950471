/** Why the bot said what it said: the record of the turn that a message belongs to. */
import type { Json } from '../shared/frames';
import { isRecord, list, number, text } from '../shared/frames';
import { localised } from '../shared/rest';
import { percent } from './Bar';
import { fetchDecisions } from './deskApi';
import { Data, Parse, Passages, Section, Waiting, useFetched } from './panel';
import { useShell } from './shell';

export function DecisionRecord({ conversation, seq }: { conversation: string; seq: number }) {
  const { t } = useShell();
  const { value, again } = useFetched(() => fetchDecisions(conversation, seq), [conversation, seq]);
  if (value === 'loading' || value === 'failed') return <Waiting value={value} again={again} />;
  if (value.length === 0) return <p class="empty">{t('decisionNone')}</p>;
  return (
    <>
      {value.map((record, index) => (
        <OneDecision key={index} record={record} />
      ))}
    </>
  );
}

/** Notices of known outages that the customer got in this turn. */
function Outages({ value }: { value: unknown }) {
  const { t, lang } = useShell();
  const given = list(value).filter(isRecord);
  if (given.length === 0) return null;
  return (
    <Section title={t('outagesGiven')}>
      <ul>
        {given.map((one, index) => (
          <li key={index}>{localised(one['title'])[lang] || t('outageNumber', { n: number(one['id']) ?? 0 })}</li>
        ))}
      </ul>
    </Section>
  );
}

function OneDecision({ record }: { record: Json }) {
  const { t } = useShell();
  const turn = number(record['turn']);
  const release = text(record['release']);
  const decisions = list(record['decisions']).filter(isRecord);
  return (
    <>
      {(turn !== undefined || release) && (
        <p class="fine">
          {turn !== undefined && t('turn', { n: turn })}
          {release && ` · ${t('release_id')} ${release}`}
        </p>
      )}
      <Outages value={record['outages']} />
      <Data title={t('failure')} value={record['failure']} />
      <Data title={t('picture')} value={record['picture']} />
      <Data title={t('speech')} value={record['speech']} />
      <Parse value={record['parse']} />
      {decisions.length > 0 && (
        <Section title={t('decisions')}>
          <ol class="decisions">
            {decisions.map((decision, index) => {
              const confidence = number(decision['confidence']);
              const ms = number(decision['ms']);
              return (
                <li key={index}>
                  <b>{text(decision['action'])}</b>
                  <span>
                    {text(decision['policy'])}
                    {confidence !== undefined && ` · ${percent(confidence)}`}
                    {ms !== undefined && ` · ${ms.toFixed(1)} ms`}
                  </span>
                </li>
              );
            })}
          </ol>
        </Section>
      )}
      <Passages value={record['passages']} />
      <Data title={t('slots')} value={record['slots']} />
      <Data title={t('timings')} value={record['timings']} />
    </>
  );
}
