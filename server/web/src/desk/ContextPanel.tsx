/** The right column: what the bot knew when it gave up, and why it said what it said. */
import { useEffect, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import type { Json } from '../shared/frames';
import { isRecord, list, number, text } from '../shared/frames';
import { fetchDecisions } from '../shared/rest';
import { safeLink } from '../shared/text';
import { dateAndClock } from '../shared/time';
import { DataView, isEmpty, unfold } from './DataView';
import type { Thread } from './deskState';
import { useShell } from './shell';

interface ContextProps {
  conversation: string | null;
  thread: Thread | undefined;
  /** `seq` of the bot message whose decision record is shown. */
  inspected: number | null;
  onShow(seq: number | null): void;
  onInsert(suggestion: string): void;
}

export function ContextPanel({ conversation, thread, inspected, onShow, onInsert }: ContextProps) {
  const { t } = useShell();
  const [decisions, setDecisions] = useState(false);
  useEffect(() => setDecisions(inspected !== null), [inspected, conversation]);
  return (
    <aside class="context" aria-label={t('context')}>
      <div class="tabs" role="tablist">
        <button
          type="button"
          role="tab"
          aria-selected={!decisions}
          onClick={() => {
            setDecisions(false);
            onShow(null);
          }}
        >
          {t('context')}
        </button>
        <button type="button" role="tab" aria-selected={decisions} onClick={() => setDecisions(true)}>
          {t('decision')}
        </button>
      </div>
      <div class="context-body" role="tabpanel">
        {conversation === null || !thread ? null : decisions ? (
          inspected === null ? (
            <p class="empty">{t('decisionHint')}</p>
          ) : (
            <DecisionRecord key={`${conversation} ${inspected}`} conversation={conversation} seq={inspected} />
          )
        ) : (
          <Escalated thread={thread} onInsert={onInsert} />
        )}
      </div>
    </aside>
  );
}

function Section({ title, aside, children }: { title: string; aside?: string; children: ComponentChildren }) {
  return (
    <section>
      <h3>
        {title}
        {aside && <small>{aside}</small>}
      </h3>
      {children}
    </section>
  );
}

function Escalated({ thread, onInsert }: { thread: Thread; onInsert(suggestion: string): void }) {
  const { t, lang, coded } = useShell();
  const { escalation } = thread;
  if (!escalation) return thread.status === 'ready' ? <p class="empty">{t('noEscalation')}</p> : null;
  const { context } = escalation;
  const suggestion = isRecord(context['suggestion']) ? text(context['suggestion']['text']) : text(context['suggestion']);
  return (
    <>
      {escalation.reason && (
        <div class={escalation.reason === 'safety' ? 'why urgent' : 'why'}>
          <small>{t('why')}</small>
          <b>{coded('reason', escalation.reason)}</b>
          {escalation.since && <time dateTime={escalation.since}>{dateAndClock(escalation.since, lang)}</time>}
        </div>
      )}
      {suggestion && (
        <Section title={t('suggestion')}>
          <div class="suggestion">
            <p dir="auto">{suggestion}</p>
            <button
              type="button"
              class="button outline"
              disabled={thread.mode === 'closed'}
              onClick={() => onInsert(suggestion)}
            >
              {t('insert')}
            </button>
          </div>
        </Section>
      )}
      {escalation.summary && (
        <Section title={t('summary')}>
          <p class="words">{escalation.summary}</p>
        </Section>
      )}
      <Customer value={context['customer']} />
      <Parse value={context['parse']} />
      <Data title={t('slots')} value={gathered(context['slots'])} />
      <Data title={t('diagnosis')} value={context['diagnosis']} />
      <Passages value={context['passages']} />
    </>
  );
}

function Customer({ value }: { value: unknown }) {
  const { t } = useShell();
  return <Data title={t('customer')} value={value} />;
}

/** Slots that say how the dialogue is run, not what was found out; the decision record has them all. */
const INNER = new Set(['version', 'last', 'language', 'greeted', 'token', 'misses', 'options']);

/** The slots as an agent needs them: the dialogue's own state opened up, without what is none, no or zero. */
export function gathered(slots: unknown): unknown {
  const tidy = (value: unknown): unknown => {
    if (!isRecord(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name, item]) => !INNER.has(name) && item !== false && item !== 0)
        .map(([name, item]) => [name, tidy(item)]),
    );
  };
  const opened = unfold(slots);
  if (!isRecord(opened)) return opened;
  const { dialogue, diagnosis: _, ...rest } = opened;
  return unfold(tidy({ ...(isRecord(dialogue) ? dialogue : { dialogue }), ...rest }));
}

/** A part whose shape is the business of whoever filled it. */
function Data({ title, value }: { title: string; value: unknown }) {
  const shown = unfold(value);
  if (isEmpty(shown)) return null;
  return (
    <Section title={title}>
      <DataView value={shown} />
    </Section>
  );
}

const percent = (value: number): string => `${Math.round(value * 100)}%`;

interface BarProps {
  name: string;
  title: string;
  value: number;
  mark?: number | undefined;
}

function Bar({ name, title, value, mark }: BarProps) {
  const width = (share: number) => `${Math.min(100, Math.max(0, share * 100))}%`;
  return (
    <div class="measure">
      <span class="measure-name" title={title}>
        {name}
      </span>
      <span class="measure-value">{percent(value)}</span>
      <span class="track" aria-hidden="true">
        <i class={mark !== undefined && value < mark ? 'below' : ''} style={{ width: width(value) }} />
        {mark !== undefined && <u style={{ left: width(mark) }} />}
      </span>
    </div>
  );
}

function Parse({ value }: { value: unknown }) {
  const { t, intent: called } = useShell();
  if (!isRecord(value)) return null;
  const threshold = number(value['threshold']);
  const ranking = list(value['intent_ranking']).length > 0 ? list(value['intent_ranking']) : [value['intent']];
  const intents = ranking.flatMap((raw) => {
    const name = isRecord(raw) ? text(raw['name']) : undefined;
    const confidence = isRecord(raw) ? number(raw['confidence']) : undefined;
    return name !== undefined && confidence !== undefined ? [{ name, confidence }] : [];
  });
  const entities = list(value['entities']).filter(isRecord);
  const oos = number(value['oos']);
  return (
    <>
      {intents.length > 0 && (
        <Section title={t('intents')} {...(threshold === undefined ? {} : { aside: t('threshold', { n: percent(threshold) }) })}>
          {text(value['text']) && <p class="quoted" dir="auto">{text(value['text'])}</p>}
          {intents.slice(0, 5).map((intent, index) => (
            <Bar key={intent.name} name={called(intent.name)} title={intent.name} value={intent.confidence} mark={index === 0 ? threshold : undefined} />
          ))}
          {oos !== undefined && (
            <p class="fine">
              {t('outOfScope')} {percent(oos)}
            </p>
          )}
        </Section>
      )}
      {entities.length > 0 && (
        <Section title={t('entities')}>
          <dl class="pairs">
            {entities.map((entity, index) => (
              <div key={index}>
                <dt>{text(entity['entity'])}</dt>
                <dd>
                  {text(entity['value']) ?? JSON.stringify(entity['value'])}
                  {text(entity['raw']) !== undefined && text(entity['raw']) !== text(entity['value']) && <small> {text(entity['raw'])}</small>}
                </dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
    </>
  );
}

function Passages({ value }: { value: unknown }) {
  const { t } = useShell();
  const found = isRecord(value) ? list(value['passages']) : list(value);
  const passages = found.filter(isRecord);
  if (passages.length === 0) return null;
  return (
    <Section title={t('passages')}>
      {passages.map((passage, index) => {
        const link = safeLink(text(passage['url']) ?? '', location.origin);
        const score = number(passage['score']);
        const title = text(passage['title']) ?? text(passage['article']) ?? '';
        return (
          <div key={index} class="passage">
            <b>
              {link ? (
                <a href={link.href} target="_blank" rel="noopener noreferrer">
                  {title}
                </a>
              ) : (
                title
              )}
            </b>
            {score !== undefined && <small>{score.toFixed(2)}</small>}
            <p>{text(passage['passage'])}</p>
          </div>
        );
      })}
    </Section>
  );
}

function DecisionRecord({ conversation, seq }: { conversation: string; seq: number }) {
  const { t } = useShell();
  const [records, setRecords] = useState<Json[] | 'loading' | 'failed'>('loading');
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let current = true;
    setRecords('loading');
    fetchDecisions(conversation, seq).then(
      (found) => current && setRecords(found),
      () => current && setRecords('failed'),
    );
    return () => {
      current = false;
    };
  }, [conversation, seq, attempt]);

  if (records === 'loading') return <p class="empty">{t('loading')}</p>;
  if (records === 'failed') {
    return (
      <p class="empty">
        {t('loadFailed')}{' '}
        <button type="button" class="text-button" onClick={() => setAttempt(attempt + 1)}>
          {t('tryAgain')}
        </button>
      </p>
    );
  }
  if (records.length === 0) return <p class="empty">{t('decisionNone')}</p>;
  return (
    <>
      {records.map((record, index) => (
        <OneDecision key={index} record={record} />
      ))}
    </>
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
      <Data title={t('failure')} value={record['failure']} />
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
