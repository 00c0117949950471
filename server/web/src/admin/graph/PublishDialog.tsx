/** Publishing: what changes, whether all cases pass, and a message for those who read the history. */
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from '../../shared/Dialog';
import { useLoad, Waiting } from '../load';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { DiffView } from './DiffView';
import type { DraftClient } from './draftClient';
import { failedCases, fetchDiff, publish, refusal, testDraft } from './graphApi';
import type { FailedCase } from './graphApi';

const LEAST_REASON = 10;

interface PublishDialogProps {
  client: DraftClient;
  errors: number;
  moved: boolean;
  onMerge(): void;
  onClose(): void;
}

export function PublishDialog({ client, errors, moved, onMerge, onClose }: PublishDialogProps) {
  const { t, lang, say, fail } = useShell();
  const { draft } = client.state;
  const changes = useLoad(async () => {
    await client.flush();
    return fetchDiff(draft.base, `draft:${draft.id}`);
  }, [draft.id]);
  const [tested, setTested] = useState<{ passed: number; failed: FailedCase[] } | null>(null);
  const [message, setMessage] = useState('');
  const [override, setOverride] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    if (errors > 0) return;
    let current = true;
    void client
      .flush()
      .then(() => testDraft(draft.id))
      .then(
        (result) => current && setTested(result),
        (error: unknown) => current && setProblem(refusal(error)?.text[lang] ?? t('loadFailed')),
      );
    return () => {
      current = false;
    };
  }, []);

  const failing = tested?.failed.length ?? 0;
  const ready = !busy && errors === 0 && !moved && tested !== null && changes.data?.length !== 0 && message.trim() !== '' && (failing === 0 || override.trim().length >= LEAST_REASON);
  const go = async () => {
    setBusy(true);
    setProblem('');
    try {
      const version = await publish(draft.id, client.state.session.revision, message.trim(), failing > 0 ? override.trim() : '');
      say(t('published', { n: version.version }));
      location.hash = routeTo('history');
    } catch (error) {
      const told = refusal(error);
      if (told?.code === 'cases') setTested({ passed: tested?.passed ?? 0, failed: failedCases(told.body) });
      if (told) setProblem(told.text[lang]);
      else fail(error);
      setBusy(false);
    }
  };

  return (
    <Dialog title={t('publishTitle')} wide onClose={onClose}>
      <form
        class="form-grid"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready) void go();
        }}
      >
        <p>{t('publishAbout')}</p>
        {errors > 0 && <p class="blocked">{t('publishErrors', { n: errors })}</p>}
        {moved && (
          <p class="blocked">
            {t('publishMoved')}{' '}
            <button type="button" class="text-button" onClick={onMerge}>
              {t('merge')}
            </button>
          </p>
        )}
        <section class="publish-part">
          <h3>{t('publishChanges')}</h3>
          <Waiting of={changes}>{(found) => <DiffView changes={found} />}</Waiting>
        </section>
        <section class="publish-part">
          <h3>{t('page_cases')}</h3>
          {errors > 0 ? (
            <p class="faint">{t('casesLater')}</p>
          ) : tested === null ? (
            <p class="faint" role="status">
              {t('casesRunning')}
            </p>
          ) : (
            <p class={failing > 0 ? 'warned' : 'passed'} role="status">
              {failing > 0 ? t('casesFailed', { n: failing, passed: tested.passed }) : tested.passed > 0 ? t('casesPassed', { n: tested.passed }) : t('casesNone')}
            </p>
          )}
          {failing > 0 && (
            <>
              <ul class="problem-list">
                {tested?.failed.map((one) => (
                  <li key={one.id} class="warning">
                    <strong>{one.title}</strong> {one.text[lang]}
                  </li>
                ))}
              </ul>
              <label class="field">
                {t('override')}
                <input value={override} onInput={(event) => setOverride(event.currentTarget.value)} />
                <small>{t('overrideHint', { n: LEAST_REASON })}</small>
              </label>
            </>
          )}
        </section>
        <label class="field">
          {t('publishMessage')}
          <input name="message" value={message} maxLength={500} placeholder={t('publishMessageHint')} onInput={(event) => setMessage(event.currentTarget.value)} />
        </label>
        <p class="problem" role="alert">
          {problem}
        </p>
        <div class="dialog-buttons">
          <button type="button" class="button outline" onClick={onClose}>
            {t('cancel')}
          </button>
          <button type="submit" class="button solid" disabled={!ready}>
            {busy ? t('publishing') : t('publishNow')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
