/** What a language model says the conversation is about, each sentence above the words that it rests on. */
import { fetchSummary } from './deskApi';
import { Section, Waiting, useFetched } from './panel';
import { useShell } from './shell';

export function ModelSummary({ conversation, escalation }: { conversation: string; escalation: string }) {
  const { t, lang } = useShell();
  const { value, again } = useFetched(() => fetchSummary(conversation, lang), [conversation, escalation, lang]);
  return (
    <Section title={t('summaryByModel')}>
      {value === 'loading' || value === 'failed' ? (
        <Waiting value={value} again={again} />
      ) : value.length === 0 ? (
        <p class="fine">{t('summaryRefused')}</p>
      ) : (
        <ul class="summed">
          {value.map((one, index) => (
            <li key={index}>
              <span dir="auto">{one.text}</span>
              <q class="fine" dir="auto">
                {one.quote}
              </q>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
