/** Who the customer is: the record that the account back end keeps, and every conversation before this one. */
import { isRecord, list, number, text } from '../shared/frames';
import type { Json } from '../shared/frames';
import { day } from '../shared/time';
import { DataView } from './DataView';
import { fetchCustomer } from './deskApi';
import type { PastConversation } from './deskApi';
import { Section, Waiting, useFetched } from './panel';
import { useShell } from './shell';

export function CustomerPanel({ conversation, onOpen }: { conversation: string; onOpen(conversation: string): void }) {
  const { t } = useShell();
  const { value, again } = useFetched(() => fetchCustomer(conversation), [conversation]);
  if (value === 'loading' || value === 'failed') return <Waiting value={value} again={again} />;
  const { record, error, bills, tickets, conversations } = value;
  return (
    <>
      {record ? <Record record={record} /> : <p class="empty">{t(error === 'unavailable' ? 'customerUnavailable' : 'customerUnknown')}</p>}
      {bills.length > 0 && (
        <Section title={t('bills')}>
          <DataView value={bills} />
        </Section>
      )}
      {tickets.length > 0 && (
        <Section title={t('tickets')}>
          <DataView value={tickets} />
        </Section>
      )}
      <Section title={t('earlier')}>
        {conversations.length === 0 && <p class="fine">{t('earlierNone')}</p>}
        {conversations.map((one) => (
          <Earlier key={one.conversation} one={one} here={one.conversation === conversation} onOpen={onOpen} />
        ))}
      </Section>
    </>
  );
}

function Record({ record }: { record: Json }) {
  const { t, coded } = useShell();
  const lines = list(record['lines']).filter(isRecord);
  const { lines: _, ...rest } = record;
  return (
    <>
      <div class="person">
        <b>{text(record['name']) ?? text(record['id'])}</b>
        <small>{[text(record['phone']), text(record['id'])].filter(Boolean).join(' · ')}</small>
      </div>
      <DataView value={Object.fromEntries(Object.entries(rest).filter(([name]) => !['name', 'id', 'phone'].includes(name)))} />
      {lines.map((line, index) => (
        <Section key={index} title={text(line['phone']) ?? t('line')} aside={coded('line', text(line['status']) ?? '')}>
          <DataView value={Object.fromEntries(Object.entries(line).filter(([name]) => !['id', 'phone', 'status'].includes(name)))} />
        </Section>
      ))}
    </>
  );
}

function Earlier({ one, here, onOpen }: { one: PastConversation; here: boolean; onOpen(conversation: string): void }) {
  const { t, lang, coded } = useShell();
  const stars = number(one.rating?.score ?? undefined);
  const ended = one.outcome ? coded('outcome', one.outcome) : t(`mode_${one.mode}`);
  return (
    <button type="button" class="earlier" disabled={here} onClick={() => onOpen(one.conversation)}>
      <b>{here ? t('thisOne') : (one.topicLabel?.[lang] ?? t('conversation'))}</b>
      <small>
        {[day(one.created, new Date(), lang), ended, one.agentName, stars === undefined ? '' : t('stars', { n: stars })].filter(Boolean).join(' · ')}
      </small>
      {one.summary && <span>{one.summary}</span>}
    </button>
  );
}
