/** What labelling one message and labelling many have in common. */
import { useState } from 'preact/hooks';
import { useShell } from '../shell';
import { giveLabels, undoLabels } from './reviewApi';
import type { KnownIntent, Span, Verdict } from './reviewApi';

export interface Act {
  batch: string;
  text: string;
  conflicts: number;
}

export interface Labelling {
  last: Act | null;
  /** `named`: what people call the intent, where it is newer than the list of intents. */
  give(ids: readonly number[], verdict: Verdict, intent?: string, entities?: readonly Span[], named?: string): Promise<void>;
  did(act: Act): void;
  undo(): Promise<void>;
}

/** Labels, and takes the last act back; `changed` is told after either. */
export function useLabelling(intents: readonly KnownIntent[], changed: () => void): Labelling {
  const { t, lang, fail } = useShell();
  const [last, setLast] = useState<Act | null>(null);
  return {
    last,
    did: (act) => {
      setLast(act);
      changed();
    },
    give: async (ids, verdict, intent = '', entities, named) => {
      try {
        const made = await giveLabels(ids, verdict, intent, entities);
        const meaning = verdict === 'intent' ? (named ?? nameOf(intents, intent, lang)) : t(`verdict_${verdict}`);
        setLast({ batch: made.batch, text: t('labelled', { n: made.labelled, meaning }), conflicts: made.conflicts });
        changed();
      } catch (error) {
        fail(error);
      }
    },
    undo: async () => {
      if (last === null) return;
      try {
        await undoLabels(last.batch);
        setLast(null);
        changed();
      } catch (error) {
        fail(error);
      }
    },
  };
}

export const nameOf = (intents: readonly KnownIntent[], name: string, lang: 'zh' | 'en'): string =>
  intents.find((one) => one.name === name)?.label[lang] || name;

/** What was done last, and the way back. */
export function LastAct({ labelling }: { labelling: Labelling }) {
  const { t } = useShell();
  const act = labelling.last;
  return (
    <div class="last-act" role="status">
      {act && (
        <>
          <span>
            {act.text}
            {act.conflicts > 0 && <strong class="warned"> {t('labelConflicts', { n: act.conflicts })}</strong>}
          </span>
          <button type="button" class="button outline" onClick={labelling.undo}>
            {t('undo')} <kbd>u</kbd>
          </button>
        </>
      )}
    </div>
  );
}

/** All intents in a list, chosen and taken. */
export function IntentChoice({ intents, onTake }: { intents: readonly KnownIntent[]; onTake(intent: string): void }) {
  const { t, lang } = useShell();
  const [chosen, setChosen] = useState('');
  return (
    <span class="intent-choice">
      <select aria-label={t('intentOther')} value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
        <option value="">{t('intentOther')}</option>
        {[...intents]
          .sort((a, b) => a.label[lang].localeCompare(b.label[lang], lang))
          .map((one) => (
            <option key={one.name} value={one.name}>
              {one.label[lang]}
            </option>
          ))}
      </select>
      <button type="button" class="button outline" disabled={!chosen} onClick={() => onTake(chosen)}>
        {t('labelIt')}
      </button>
    </span>
  );
}
