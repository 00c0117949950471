/** The right column: what the bot knew when it gave up, who the customer is, and why the bot said what it said. */
import { AlertIcon, BackIcon } from '../shared/icons';
import { isRecord, list, number, text } from '../shared/frames';
import { dateAndClock } from '../shared/time';
import { percent } from './Bar';
import { CustomerPanel } from './CustomerPanel';
import { unfold } from './DataView';
import { DecisionRecord } from './DecisionRecord';
import { readDiagnosis } from './diagnosis';
import { DiagnosisTree } from './DiagnosisTree';
import type { DeskState, Thread } from './deskTypes';
import { ModelSummary } from './ModelSummary';
import { Data, Parse, Passages, Section } from './panel';
import { useShell } from './shell';

export const CONTEXT_TABS = ['context', 'customer', 'decision'] as const;
export type ContextTab = (typeof CONTEXT_TABS)[number];

interface ContextProps {
  state: DeskState;
  conversation: string | null;
  thread: Thread | undefined;
  mine: boolean;
  tab: ContextTab;
  /** `seq` of the bot message whose decision record is shown. */
  inspected: number | null;
  onTab(tab: ContextTab): void;
  onSuggestion(how: 'edit' | 'send'): void;
  onOpen(conversation: string): void;
  onInspect(seq: number): void;
  /** On a phone: back to the conversation. */
  onBack(): void;
}

export function ContextPanel({ state, conversation, thread, mine, tab, inspected, onTab, onSuggestion, onOpen, onInspect, onBack }: ContextProps) {
  const { t } = useShell();
  return (
    <aside class="context" aria-label={t('context')}>
      <div class="context-head">
        <button type="button" class="icon-button only-phone" aria-label={t('backToTalk')} onClick={onBack}>
          <BackIcon />
        </button>
        <div class="tabs" role="tablist" aria-label={t('context')}>
        {CONTEXT_TABS.map((name) => (
          <button key={name} type="button" role="tab" aria-selected={tab === name} aria-controls="context-body" onClick={() => onTab(name)}>
            {t(name)}
          </button>
        ))}
        </div>
      </div>
      <div id="context-body" class="context-body" role="tabpanel" tabIndex={0} aria-label={t(tab)}>
        {conversation === null || !thread ? null : tab === 'customer' ? (
          <CustomerPanel key={conversation} conversation={conversation} onOpen={onOpen} />
        ) : tab === 'context' ? (
          <Escalated {...{ state, thread, mine, onSuggestion, onInspect }} />
        ) : inspected === null ? (
          <p class="empty">{t('decisionHint')}</p>
        ) : (
          <DecisionRecord key={`${conversation} ${inspected}`} conversation={conversation} seq={inspected} />
        )}
      </div>
    </aside>
  );
}

/** The reply that the bot suggests; empty where it has none. */
export function suggestionOf(thread: Thread | undefined): string {
  const value = thread?.escalation?.context['suggestion'];
  return (isRecord(value) ? text(value['text']) : text(value))?.trim() ?? '';
}

interface EscalatedProps {
  state: DeskState;
  thread: Thread;
  mine: boolean;
  onSuggestion(how: 'edit' | 'send'): void;
  onInspect(seq: number): void;
}

function Escalated({ state, thread, mine, onSuggestion, onInspect }: EscalatedProps) {
  const { t, lang, coded, intent } = useShell();
  const { escalation } = thread;
  if (!escalation) return thread.status === 'ready' ? <p class="empty">{t('noEscalation')}</p> : null;
  const { context, row } = escalation;
  const suggestion = suggestionOf(thread);
  const diagnosis = readDiagnosis(context['diagnosis']);
  const team = state.info?.teams.find((one) => one.id === row.team)?.name[lang];
  const task = isRecord(context['task']) ? context['task'] : {};
  const args = isRecord(task['args']) ? task['args'] : {};
  // A task that several intents share says which one it was about.
  const interrupted = text(args['intent']) ?? text(task['skill']);
  return (
    <>
      {row.reason && (
        <div class={row.priority >= 2 ? 'why urgent' : 'why'}>
          <small>{t('why')}</small>
          <b>
            {row.priority >= 2 && <AlertIcon />}
            {coded('reason', row.reason)}
          </b>
          <span class="why-more">
            {row.priority > 0 && <span>{t(`priority_${row.priority >= 3 ? 3 : row.priority >= 2 ? 2 : 1}`)}</span>}
            {team && <span>{team}</span>}
            {row.since && <time dateTime={row.since}>{dateAndClock(row.since, lang)}</time>}
          </span>
        </div>
      )}
      {row.summary && (
        <Section title={t('summary')}>
          <p class="words">{row.summary}</p>
          {interrupted && <p class="fine">{t('interrupted', { task: intent(interrupted) })}</p>}
        </Section>
      )}
      {state.info?.summary && <ModelSummary conversation={row.conversation} escalation={row.since} />}
      {suggestion && (
        <Section title={t('suggestion')}>
          <div class="suggestion">
            <p dir="auto">{suggestion}</p>
            <span>
              <button type="button" class="button outline" disabled={!mine} onClick={() => onSuggestion('edit')}>
                {t('edit')}
                <kbd>e</kbd>
              </button>
              <button type="button" class="button outline" disabled={!mine} onClick={() => onSuggestion('send')}>
                {t('send')}
                <kbd>s</kbd>
              </button>
            </span>
          </div>
        </Section>
      )}
      {diagnosis && (
        <Section title={t('diagnosis')}>
          <DiagnosisTree diagnosis={diagnosis} />
        </Section>
      )}
      <Understood value={context['understood']} onInspect={onInspect} />
      <Parse value={context['parse']} />
      <Data title={t('slots')} value={gathered(context['slots'])} />
      <Passages value={context['passages']} />
    </>
  );
}

/** What the bot took the customer's last messages for. */
function Understood({ value, onInspect }: { value: unknown; onInspect(seq: number): void }) {
  const { t, lang, intent } = useShell();
  const turns = list(value).flatMap((raw) => {
    const words = isRecord(raw) ? text(raw['text']) : undefined;
    const name = isRecord(raw) ? text(raw['intent']) : undefined;
    if (!isRecord(raw) || words === undefined || name === undefined) return [];
    const label = isRecord(raw['label']) ? text(raw['label'][lang]) : undefined;
    return [{ words, name: label || intent(name), confidence: number(raw['confidence']), seq: number(raw['seq']) }];
  });
  // The last one is shown in full below.
  if (turns.length < 2) return null;
  return (
    <Section title={t('understood')}>
      <ol class="understood">
        {turns.map((turn, index) => (
          <li key={index}>
            <span class="quoted" dir="auto">
              {turn.words}
            </span>
            <span>
              {turn.name}
              {turn.confidence !== undefined && <small> {percent(turn.confidence)}</small>}
            </span>
            {turn.seq !== undefined && (
              <button type="button" class="text-button" onClick={() => turn.seq !== undefined && onInspect(turn.seq)}>
                {t('whyThis')}
              </button>
            )}
          </li>
        ))}
      </ol>
    </Section>
  );
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
