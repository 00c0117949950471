/** Brings a draft onto the version that is in service now; where both changed a field, somebody has to choose. */
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from '../../shared/Dialog';
import { useShell } from '../shell';
import type { DraftClient } from './draftClient';
import { shownField } from './values';
import { mergeDraft, refusal } from './graphApi';
import type { Choice, MergeConflict } from './graphApi';

export function MergeDialog({ client, onDone, onClose }: { client: DraftClient; onDone(): void; onClose(): void }) {
  const { t, lang, say, fail } = useShell();
  const [conflicts, setConflicts] = useState<MergeConflict[] | null>(null);
  const [takes, setTakes] = useState<Record<number, 'theirs' | 'mine'>>({});
  const [busy, setBusy] = useState(true);

  const merge = async (choose: readonly Choice[]) => {
    setBusy(true);
    try {
      await client.flush();
      const answer = await mergeDraft(client.state.draft.id, client.state.session.revision, choose);
      if (Array.isArray(answer)) {
        setConflicts(answer);
        setTakes({});
      } else {
        client.replace(answer);
        say(t('merged', { n: answer.base }));
        onDone();
      }
    } catch (error) {
      const told = refusal(error);
      fail(told ? new Error(told.text[lang]) : error);
      onClose();
    }
    setBusy(false);
  };
  useEffect(() => void merge([]), []);

  const chosen = conflicts?.every((_, at) => takes[at] !== undefined) ?? false;
  return (
    <Dialog title={t('merge')} wide onClose={onClose}>
      {conflicts === null ? (
        <p role="status">{t('merging')}</p>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (chosen) void merge(conflicts.map(({ node, field }, at) => ({ node, field, take: takes[at] ?? 'mine' })));
          }}
        >
          <p>{t('mergeConflicts', { n: conflicts.length })}</p>
          {conflicts.map((one, at) => (
            <fieldset class="merge-choice" key={at}>
              <legend>
                {one.title[lang] || one.node} <small>{one.field.join(' › ')}</small>
              </legend>
              {(['theirs', 'mine'] as const).map((take) => (
                <label key={take} class={takes[at] === take ? 'chosen' : ''}>
                  <input type="radio" name={`merge-${at}`} checked={takes[at] === take} onChange={() => setTakes({ ...takes, [at]: take })} />
                  <span>
                    <strong>{t(take === 'theirs' ? 'conflictTheirs' : 'conflictMine')}</strong>
                    {shownField(one.kind, one.field, one[take])}
                  </span>
                </label>
              ))}
            </fieldset>
          ))}
          <div class="dialog-buttons">
            <button type="button" class="button outline" onClick={onClose}>
              {t('cancel')}
            </button>
            <button type="submit" class="button solid" disabled={!chosen || busy}>
              {t('merge')}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
