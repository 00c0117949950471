/** What customers want since the last training: understood from the next message on. */
import { useState } from 'preact/hooks';
import { FormDialog } from '../shared/Dialog';
import { useLoad, Waiting } from './load';
import { fetchNewIntents, putNewIntent, removeNewIntent } from './safetyApi';
import type { NewIntent } from './safetyApi';
import { useShell } from './shell';

const LEAST_EXAMPLES = 3;
const DOES = ['say', 'answer', 'handoff'] as const;
const REASONS = ['policy', 'out_of_scope', 'customer_asked', 'safety'] as const;
export const BLANK_INTENT: NewIntent = {
  name: '',
  label: { zh: '', en: '' },
  description: { zh: '', en: '' },
  does: 'say',
  text: { zh: '', en: '' },
  articles: [],
  reason: 'policy',
  examples: [],
};

export function NewIntents() {
  const { t, lang, coded, say, fail } = useShell();
  const loaded = useLoad(fetchNewIntents, []);
  const [edited, setEdited] = useState<{ intent: NewIntent; known: boolean } | null>(null);
  const [removing, setRemoving] = useState<NewIntent | null>(null);

  const remove = async (intent: NewIntent) => {
    try {
      await removeNewIntent(intent.name);
      say(t('intentRemoved', { name: intent.label[lang] }));
      loaded.reload();
    } catch (error) {
      fail(error);
    }
    setRemoving(null);
  };

  return (
    <>
      <div class="page-head">
        <h2>{t('page_intents')}</h2>
        <p>{t('intentsAbout')}</p>
        <button type="button" class="button solid" onClick={() => setEdited({ intent: BLANK_INTENT, known: false })}>
          {t('intentNew')}
        </button>
      </div>
      <Waiting of={loaded}>
        {(intents) =>
          intents.length === 0 ? (
            <p class="empty card">{t('intentsNone')}</p>
          ) : (
            <ul class="cards">
              {intents.map((intent) => (
                <li class="card" key={intent.name}>
                  <h3>
                    {intent.label[lang]}
                    <small>{intent.name}</small>
                  </h3>
                  <p class="faint">{intent.description[lang]}</p>
                  <p>
                    {t(`does_${intent.does as (typeof DOES)[number]}`)}
                    {intent.does === 'handoff' && ` · ${coded('reason', intent.reason)}`}
                  </p>
                  <p class="faint">{intent.examples.slice(0, 3).join(' · ')}</p>
                  <div class="card-buttons">
                    <button type="button" class="button outline" onClick={() => setEdited({ intent, known: true })}>
                      {t('edit')}
                    </button>
                    <button type="button" class="button plain" onClick={() => setRemoving(intent)}>
                      {t('remove')}
                    </button>
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Waiting>
      {edited && (
        <IntentDialog
          {...edited}
          onClose={() => setEdited(null)}
          onSaved={() => {
            setEdited(null);
            say(t('intentSaved'));
            loaded.reload();
          }}
        />
      )}
      {removing && (
        <FormDialog title={t('intentRemove', { name: removing.label[lang] })} action={t('remove')} onDo={() => remove(removing)} onClose={() => setRemoving(null)}>
          <p>{t('intentRemoveText')}</p>
        </FormDialog>
      )}
    </>
  );
}

export function IntentDialog({ intent, known, onSaved, onClose }: { intent: NewIntent; known: boolean; onSaved(made: NewIntent): void; onClose(): void }) {
  const { t, coded } = useShell();
  const [draft, setDraft] = useState(intent);
  const [examples, setExamples] = useState(intent.examples.join('\n'));
  const [problem, setProblem] = useState('');
  const sentences = examples.split('\n').map((line) => line.trim()).filter(Boolean);
  const complete =
    /^[a-z][a-z0-9_]*$/.test(draft.name) && draft.label.zh.trim() !== '' && draft.label.en.trim() !== '' && sentences.length >= LEAST_EXAMPLES &&
    (draft.does !== 'say' || (draft.text.zh.trim() !== '' && draft.text.en.trim() !== ''));

  const save = async () => {
    setProblem('');
    try {
      await putNewIntent({ ...draft, examples: sentences });
      onSaved(draft);
    } catch (error) {
      setProblem(error instanceof Error && error.message ? error.message : t('notSaved'));
    }
  };
  const pair = (part: 'label' | 'description' | 'text', label: string, long: boolean) => (
    <div class="side-by-side">
      {(['zh', 'en'] as const).map((language) => (
        <label class="field" key={language}>
          {`${label} · ${t(language === 'zh' ? 'chinese' : 'english')}`}
          {long ? (
            <textarea rows={3} lang={language} value={draft[part][language]} onInput={(event) => setDraft({ ...draft, [part]: { ...draft[part], [language]: event.currentTarget.value } })} />
          ) : (
            <input lang={language} value={draft[part][language]} onInput={(event) => setDraft({ ...draft, [part]: { ...draft[part], [language]: event.currentTarget.value } })} />
          )}
        </label>
      ))}
    </div>
  );

  return (
    <FormDialog title={t(known ? 'intentEdit' : 'intentNew')} action={t('save')} wide ready={complete} onDo={save} onClose={onClose}>
      <div class="form-grid">
        {pair('label', t('intentLabel'), false)}
        <label class="field">
          {t('intentName')}
          <input value={draft.name} disabled={known} spellcheck={false} autocapitalize="none" onInput={(event) => setDraft({ ...draft, name: event.currentTarget.value })} />
          <small>{t('intentNameHint')}</small>
        </label>
        {pair('description', t('intentDescription'), true)}
        <label class="field">
          {t('intentExamples')}
          <textarea rows={5} value={examples} onInput={(event) => setExamples(event.currentTarget.value)} />
          <small>{t('intentExamplesHint', { n: LEAST_EXAMPLES })}</small>
        </label>
        <label class="field">
          {t('intentDoes')}
          <select value={draft.does} onChange={(event) => setDraft({ ...draft, does: event.currentTarget.value })}>
            {DOES.map((does) => (
              <option key={does} value={does}>
                {t(`does_${does}`)}
              </option>
            ))}
          </select>
        </label>
        {draft.does === 'say' && pair('text', t('intentText'), true)}
        {draft.does === 'handoff' && (
          <label class="field">
            {t('intentReason')}
            <select value={draft.reason} onChange={(event) => setDraft({ ...draft, reason: event.currentTarget.value })}>
              {REASONS.map((reason) => (
                <option key={reason} value={reason}>
                  {coded('reason', reason)}
                </option>
              ))}
            </select>
          </label>
        )}
        <p class="problem" role="alert">
          {problem}
        </p>
      </div>
    </FormDialog>
  );
}
