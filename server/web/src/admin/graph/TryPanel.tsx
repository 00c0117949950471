/** Talking to the draft: each answer moves the probabilities of all faults. */
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import type { Json } from '../../shared/frames';
import { text } from '../../shared/frames';
import { useShell } from '../shell';
import { addCase, readWords, refusal, tryDraft } from './graphApi';
import type { Trial } from './graphApi';
import { titleOf } from './model';
import type { Graph } from './model';

const BARS = 12;

interface TryPanelProps {
  draft: string;
  graph: Graph;
  revision: number;
  /** Everything is with the server, so that what is tried is what is shown. */
  settled: boolean;
  about: string;
  go(id: string): void;
}

export function TryPanel({ draft, graph, revision, settled, about, go }: TryPanelProps) {
  const { t, lang, coded, say, fail } = useShell();
  const symptoms = [...graph.nodes.values()].filter((node) => node.kind === 'symptom');
  const [symptom, setSymptom] = useState(about || symptoms[0]?.id || '');
  const [answers, setAnswers] = useState<readonly Json[]>([]);
  const [trial, setTrial] = useState<Trial | null>(null);
  const [refused, setRefused] = useState('');
  const [saving, setSaving] = useState(false);

  useEffect(() => {
    if (!settled || !symptom) return;
    let current = true;
    tryDraft(draft, symptom, answers).then(
      (found) => {
        if (!current) return;
        setTrial(found);
        setRefused('');
      },
      (error: unknown) => {
        if (!current) return;
        setTrial(null);
        const told = refusal(error);
        if (told) setRefused(told.text[lang]);
        else fail(error);
      },
    );
    return () => {
      current = false;
    };
  }, [draft, symptom, answers, revision, settled]);

  const restart = (next: string) => {
    setSymptom(next);
    setAnswers([]);
    setTrial(null);
  };
  const kept = trial?.stale === null || trial?.stale === undefined ? answers : answers.slice(0, trial.stale);
  const end = text(trial?.outcome['end']) ?? '';
  const save = async (title: string) => {
    try {
      const { steps: _steps, skill: _skill, ...expect } = trial?.outcome ?? {};
      await addCase(title, symptom, kept, Object.fromEntries(Object.entries(expect).filter(([, value]) => value !== '' && value !== null)));
      say(t('caseSaved'));
    } catch (error) {
      const told = refusal(error);
      fail(told ? new Error(told.text[lang]) : error);
    }
    setSaving(false);
  };

  return (
    <div class="try">
      <label class="field">
        {t('trySymptom')}
        <select value={symptom} onChange={(event) => restart(event.currentTarget.value)}>
          {symptoms.map((node) => (
            <option key={node.id} value={node.id}>
              {titleOf(node)[lang]}
            </option>
          ))}
        </select>
      </label>
      {refused && <p class="blocked">{refused}</p>}
      {trial && (
        <>
          <Trail trail={trial.trail} />
          {trial.stale !== null && <p class="blocked">{t('tryStale')}</p>}
          {trial.step && (
            <section class="next-step" aria-live="polite">
              <h4>
                {coded('step', trial.step.kind)}
                {graph.nodes.has(trial.step.node) && (
                  <button type="button" class="text-button" onClick={() => go(trial.step?.node ?? '')}>
                    {t('tryShow')}
                  </button>
                )}
              </h4>
              <p class="step-text">{trial.step.text[lang]}</p>
              {trial.step.question[lang] && <p>{trial.step.question[lang]}</p>}
              {(trial.step.why[lang] || trial.step.whyAgent[lang]) && (
                <p class="faint" title={trial.step.whyAgent[lang]}>
                  {t('tryWhy')} {trial.step.why[lang] || trial.step.whyAgent[lang]}
                </p>
              )}
              {trial.step.who === 'customer' && trial.step.options.length > 0 && <Said draft={draft} symptom={symptom} answers={kept} onRead={(read) => setAnswers([...kept, ...read])} />}
              <div class="options">
                {trial.step.options.map((option, at) => (
                  <button key={at} type="button" class="button outline" onClick={() => setAnswers([...kept, option.answer])}>
                    {option.label[lang]}
                  </button>
                ))}
              </div>
            </section>
          )}
          {end && end !== 'open' && <p class="ended">{end === 'solved' ? t('endedSolved') : t('endedHandoff', { reason: coded('reason', text(trial.outcome['reason']) ?? '') })}</p>}
          <h4>{t('posterior')}</h4>
          <Bars trial={trial} go={go} known={(id) => graph.nodes.has(id)} />
          <div class="try-buttons">
            <button type="button" class="button plain" disabled={kept.length === 0} onClick={() => setAnswers(kept.slice(0, -1))}>
              {t('tryBack')}
            </button>
            <button type="button" class="button plain" disabled={kept.length === 0} onClick={() => setAnswers([])}>
              {t('tryAgainFromStart')}
            </button>
            <button type="button" class="button outline" disabled={kept.length === 0} onClick={() => setSaving(true)}>
              {t('caseSave')}
            </button>
          </div>
        </>
      )}
      {saving && <SaveDialog onSave={save} onClose={() => setSaving(false)} end={end} />}
    </div>
  );
}

interface SaidProps {
  draft: string;
  symptom: string;
  answers: readonly Json[];
  onRead(answers: Json[]): void;
}

/** An answer in the customer's own words, read with the code of the real chat. */
function Said({ draft, symptom, answers, onRead }: SaidProps) {
  const { t, lang, fail } = useShell();
  const [words, setWords] = useState('');
  const [told, setTold] = useState('');
  const read = async () => {
    try {
      const found = await readWords(draft, symptom, answers, words.trim(), /\p{Script=Han}/u.test(words) ? 'zh' : 'en');
      const understood = found.labels.map((label) => label[lang]).join(' · ');
      setTold(`${understood ? t('tryUnderstood', { what: understood }) : t('tryNotUnderstood')}${found.compared ? '' : ` ${t('tryWordsAlone')}`}`);
      if (found.answers.length === 0) return;
      setWords('');
      onRead(found.answers);
    } catch (error) {
      const known = refusal(error);
      fail(known ? new Error(known.text[lang]) : error);
    }
  };
  return (
    <form
      class="said-words"
      onSubmit={(event) => {
        event.preventDefault();
        if (words.trim()) void read();
      }}
    >
      <label class="field">
        {t('trySay')}
        <input name="words" value={words} maxLength={1000} autocomplete="off" onInput={(event) => setWords(event.currentTarget.value)} />
      </label>
      <p class="faint" role="status">
        {told}
      </p>
    </form>
  );
}

const RECENT = 2;

/** What was said; all but the latest is folded away, so that the bars stay in sight. */
function Trail({ trail }: { trail: Trial['trail'] }) {
  const { t, lang } = useShell();
  const lines = (part: Trial['trail']) => (
    <ol class="trail">
      {part.map((one, at) => (
        <li key={at}>
          <span class="said">{one.text[lang]}</span>
          <span class="answered">{one.label[lang]}</span>
        </li>
      ))}
    </ol>
  );
  const earlier = trail.slice(0, -RECENT);
  return (
    <>
      {earlier.length > 0 && (
        <details>
          <summary>{t('tryEarlier', { n: earlier.length })}</summary>
          {lines(earlier)}
        </details>
      )}
      {trail.length > 0 && lines(trail.slice(-RECENT))}
    </>
  );
}

const percent = (share: number): string => (share >= 0.0995 ? (100 * share).toFixed(0) : (100 * share).toFixed(1));

/** A bar for each fault, the likeliest first, and how far the last answer has moved it. */
function Bars({ trial, known, go }: { trial: Trial; known(id: string): boolean; go(id: string): void }) {
  const { t, lang } = useShell();
  const sorted = [...trial.posterior].sort((a, b) => b.probability - a.probability);
  return (
    <ul class="bars">
      {sorted.slice(0, BARS).map(({ fault, title, probability, before }) => {
        const moved = Math.round(1000 * (probability - before)) / 10;
        return (
          <li key={fault}>
            <button type="button" class="name-link" disabled={!known(fault)} onClick={() => go(fault)}>
              {title[lang] || fault}
            </button>
            <span class="share">
              {percent(probability)}%{' '}
              {moved !== 0 && (
                <small class={moved > 0 ? 'up' : 'down'}>
                  <span aria-hidden="true">{moved > 0 ? '▲' : '▼'}</span>
                  <span class="hidden">{t(moved > 0 ? 'movedUp' : 'movedDown')}</span> {Math.abs(moved)}
                </small>
              )}
            </span>
            <span class="bar-ground" aria-hidden="true">
              <span class="bar-before" style={{ width: `${100 * before}%` }} />
              <span class="bar-now" style={{ width: `${100 * probability}%` }} />
            </span>
          </li>
        );
      })}
      {sorted.length > BARS && <li class="faint">{t('barsMore', { n: sorted.length - BARS })}</li>}
    </ul>
  );
}

function SaveDialog({ end, onSave, onClose }: { end: string; onSave(title: string): void; onClose(): void }) {
  const { t } = useShell();
  const [title, setTitle] = useState('');
  return (
    <FormDialog title={t('caseSave')} action={t('save')} ready={title.trim() !== ''} onDo={() => onSave(title.trim())} onClose={onClose}>
      <p>{t(end === 'open' || !end ? 'caseSaveOpen' : 'caseSaveEnded')}</p>
      <label class="field">
        {t('caseTitle')}
        <input name="title" value={title} maxLength={120} onInput={(event) => setTitle(event.currentTarget.value)} />
      </label>
    </FormDialog>
  );
}
