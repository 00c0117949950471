/** The parts that the tabs of the right column share. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { isRecord, list, number, text } from '../shared/frames';
import { safeLink } from '../shared/text';
import { Bar, percent } from './Bar';
import { DataView, isEmpty, unfold } from './DataView';
import { useShell } from './shell';

export function Section({ title, aside, children }: { title: string; aside?: string | undefined; children: ComponentChildren }) {
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

/** A part whose shape is the business of whoever filled it. */
export function Data({ title, value }: { title: string; value: unknown }) {
  const shown = unfold(value);
  if (isEmpty(shown)) return null;
  return (
    <Section title={title}>
      <DataView value={shown} />
    </Section>
  );
}

export function Parse({ value }: { value: unknown }) {
  const { t, intent: called, coded } = useShell();
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
        <Section title={t('intents')} aside={threshold === undefined ? undefined : t('threshold', { n: percent(threshold) })}>
          {text(value['text']) && (
            <p class="quoted" dir="auto">
              {text(value['text'])}
            </p>
          )}
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
            {entities.map((entity, index) => {
              const confidence = number(entity['confidence']);
              return (
                <div key={index}>
                  <dt>{coded('entity', text(entity['entity']) ?? '')}</dt>
                  <dd>
                    {text(entity['value']) ?? JSON.stringify(entity['value'])}
                    <small>
                      {text(entity['raw']) !== undefined && text(entity['raw']) !== text(entity['value']) && ` ${text(entity['raw'])}`}
                      {confidence !== undefined && ` ${percent(confidence)}`}
                    </small>
                  </dd>
                </div>
              );
            })}
          </dl>
        </Section>
      )}
    </>
  );
}

export function Passages({ value }: { value: unknown }) {
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

/** A list that is fetched anew whenever it is opened. */
export function useFetched<V>(fetch: () => Promise<V>, deps: readonly unknown[]): { value: V | 'loading' | 'failed'; again(): void } {
  const [value, setValue] = useState<V | 'loading' | 'failed'>('loading');
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let current = true;
    setValue('loading');
    fetch().then(
      (found) => current && setValue(found),
      () => current && setValue('failed'),
    );
    return () => {
      current = false;
    };
  }, [...deps, attempt]);
  return { value, again: () => setAttempt(attempt + 1) };
}

export function Waiting({ value, again }: { value: 'loading' | 'failed'; again(): void }) {
  const { t } = useShell();
  return (
    <p class="empty">
      {t(value === 'loading' ? 'loading' : 'loadFailed')}{' '}
      {value === 'failed' && (
        <button type="button" class="text-button" onClick={again}>
          {t('tryAgain')}
        </button>
      )}
    </p>
  );
}
