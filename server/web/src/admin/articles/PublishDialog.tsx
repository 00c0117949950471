/** Publishing drafts of articles: which ones, what they change, and a message for those who read the history. */
import { useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { refusal } from '../graph/graphApi';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { fetchDrafts, publish } from './articlesApi';
import type { Draft } from './articlesApi';

interface PublishProps {
  /** Only this article's draft. */
  only?: string;
  onDone(): void;
  onClose(): void;
}

export function PublishDialog({ only, onDone, onClose }: PublishProps) {
  const { t, lang, coded, say, fail } = useShell();
  const loaded = useLoad(async () => (await fetchDrafts()).filter((one) => only === undefined || one.id === only), [only]);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [message, setMessage] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const blocked = (draft: Draft) => draft.moved || draft.problems.some((one) => one.severity === 'error');
  const chosen = (loaded.data ?? []).filter((one) => !left.has(one.id) && !blocked(one) && one.change !== '');

  const go = async () => {
    setBusy(true);
    setProblem('');
    try {
      const version = await publish(chosen, message.trim());
      say(t('publishedArticles', { n: version.version }));
      onDone();
    } catch (error) {
      const told = refusal(error);
      if (told) setProblem(told.text[lang]);
      else fail(error);
      setBusy(false);
    }
  };
  const toggle = (id: string) => {
    const next = new Set(left);
    if (!next.delete(id)) next.add(id);
    setLeft(next);
  };
  return (
    <FormDialog title={t('publishAllTitle')} action={busy ? t('publishing') : t('publishNow')} wide ready={!busy && chosen.length > 0 && message.trim() !== ''} onDo={go} onClose={onClose}>
      <div class="form-grid">
        <p>{t('publishAllAbout')}</p>
        <Waiting of={loaded}>
          {(drafts) => (
            <ul class="publish-drafts" aria-label={t('publishChosen')}>
              {drafts.map((one) => (
                <li key={one.id}>
                  <label>
                    <input type="checkbox" checked={!left.has(one.id) && !blocked(one) && one.change !== ''} disabled={blocked(one) || one.change === ''} onChange={() => toggle(one.id)} />
                    <span class={`chip ${one.change}`}>{coded('draft', one.change)}</span>
                    <strong>{one.title[lang] || one.id}</strong>
                    <code>{one.id}</code>
                  </label>
                  {one.moved && <p class="warned">{t('publishMovedArticle')}</p>}
                  <ul class="problem-list">
                    {one.problems.map((problem, at) => (
                      <li key={at} class={problem.severity}>
                        {problem.text[lang]}
                      </li>
                    ))}
                  </ul>
                </li>
              ))}
            </ul>
          )}
        </Waiting>
        <label class="field">
          {t('publishMessage')}
          <input name="message" value={message} maxLength={500} placeholder={t('publishMessageHint')} onInput={(event) => setMessage(event.currentTarget.value)} />
        </label>
        <p class="problem" role="alert">
          {problem}
        </p>
      </div>
    </FormDialog>
  );
}
