/** One notice, both languages side by side; what is wrong with it shows beside its field while it is typed. */
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { RestError } from '../../shared/rest';
import type { Lang } from '../../shared/frames';
import { useShell } from '../shell';
import { Chosen } from './Chosen';
import { addOutage, changeOutage, checkOutage } from './outagesApi';
import type { Outage, OutageDraft, Outages, Problem } from './outagesApi';

const TYPING_MS = 250;
const LANGS: readonly Lang[] = ['zh', 'en'];

interface DialogProps {
  known: Outages;
  draft: OutageDraft;
  /** The stored notice, where it is not a new one. */
  stored: Outage | null;
  onSaved(): void;
  onClose(): void;
}

export function OutageDialog({ known, draft: first, stored, onSaved, onClose }: DialogProps) {
  const { t, lang } = useShell();
  const [draft, setDraft] = useState(first);
  const [problems, setProblems] = useState<Problem[] | null>(null);
  const [touched, setTouched] = useState(stored !== null);
  const [refused, setRefused] = useState('');
  const change = (part: Partial<OutageDraft>) => (setDraft({ ...draft, ...part }), setTouched(true));

  useEffect(() => {
    let live = true;
    const timer = setTimeout(() => {
      checkOutage(draft).then(
        (found) => live && setProblems(found),
        () => live && setProblems([]), // saving will tell what is the matter
      );
    }, TYPING_MS);
    return () => {
      live = false;
      clearTimeout(timer);
    };
  }, [draft]);

  const save = async () => {
    setRefused('');
    try {
      await (stored ? changeOutage(stored.id, stored.revision, draft) : addOutage(draft));
      onSaved();
    } catch (error) {
      const body = error instanceof RestError ? (error.body as { text?: Record<Lang, string> } | null) : null;
      setRefused(body?.text?.[lang] ?? (error instanceof Error ? error.message : t('notSaved')));
    }
  };
  const errors = problems?.filter((one) => !one.warning) ?? [];
  const shown = (field: string) =>
    touched && (
      <p class="problem" id={`outage-${field}`}>
        {(problems ?? [])
          .filter((one) => one.field === field)
          .map((one) => one.text[lang])
          .join(' ')}
      </p>
    );
  const pair = (part: 'title' | 'text', label: string) => (
    <div class="side-by-side">
      {LANGS.map((language) => {
        const field = `${part}.${language}`;
        const shared = {
          lang: language === 'zh' ? 'zh-CN' : 'en',
          value: draft[part][language],
          'data-path': field,
          'aria-describedby': `outage-${field}`,
        };
        const write = (value: string) => change({ [part]: { ...draft[part], [language]: value } });
        return (
          <div key={language}>
            <label class="field">
              {`${label} · ${t(language === 'zh' ? 'chinese' : 'english')}`}
              {part === 'text' ? (
                <textarea rows={4} maxLength={1000} {...shared} onInput={(event) => write(event.currentTarget.value)} />
              ) : (
                <input maxLength={100} {...shared} onInput={(event) => write(event.currentTarget.value)} />
              )}
            </label>
            {shown(field)}
          </div>
        );
      })}
    </div>
  );
  const time = (part: 'begins' | 'expectedEnd', field: string, label: string, hint: string) => (
    <div>
      <label class="field">
        {label}
        <input type="datetime-local" data-path={field} value={toLocal(draft[part])} onInput={(event) => change({ [part]: fromLocal(event.currentTarget.value) })} />
        <small>{hint}</small>
      </label>
      {shown(field)}
    </div>
  );

  return (
    <FormDialog title={t(stored ? 'outageEdit' : 'outageNew')} action={t(stored ? 'save' : 'outagePublish')} wide ready={errors.length === 0 && problems !== null} onDo={save} onClose={onClose}>
      <div class="form-grid outage-form">
        {pair('title', t('outageTitle'))}
        {pair('text', t('outageText'))}
        <fieldset>
          <legend>{t('outageWhere')}</legend>
          <label class="tick">
            <input type="checkbox" data-path="everywhere" checked={draft.everywhere} onChange={(event) => change({ everywhere: event.currentTarget.checked })} />
            {t('outageEverywhere')}
          </label>
          {shown('everywhere')}
          <Chosen
            label={t('outagePlaces')}
            hint={t('outagePlacesHint')}
            options={known.places}
            chosen={draft.places}
            own={draft.areas}
            field="places"
            onChosen={(places) => change({ places })}
            onOwn={(areas) => change({ areas })}
          />
          {shown('places')}
          {shown('areas')}
        </fieldset>
        <fieldset>
          <legend>{t('outageTroubles')}</legend>
          <div class="ticks">
            {known.intents.map((intent) => (
              <label class="tick" key={intent.id}>
                <input
                  type="checkbox"
                  data-path={`intents.${intent.id}`}
                  checked={draft.intents.includes(intent.id)}
                  onChange={(event) => change({ intents: event.currentTarget.checked ? [...draft.intents, intent.id] : draft.intents.filter((one) => one !== intent.id) })}
                />
                {intent.name[lang]}
              </label>
            ))}
          </div>
          {shown('intents')}
          <div class="side-by-side">
            <Chosen label={t('outageSymptoms')} options={known.symptoms} chosen={draft.symptoms} field="symptoms" onChosen={(symptoms) => change({ symptoms })} />
            <Chosen label={t('outageProducts')} options={known.products} chosen={draft.products} field="products" onChosen={(products) => change({ products })} />
          </div>
          {shown('symptoms')}
          {shown('products')}
        </fieldset>
        <div class="side-by-side">
          {time('begins', 'begins', t('outageBegins'), t('outageBeginsHint'))}
          {time('expectedEnd', 'expected_end', t('outageExpected'), t('outageExpectedHint'))}
        </div>
        <p class="problem" role="alert">
          {refused}
        </p>
      </div>
    </FormDialog>
  );
}

/** The browser's own time zone, as `datetime-local` has it. */
function toLocal(at: string): string {
  if (!at) return '';
  const time = new Date(at);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const fromLocal = (value: string): string => {
  const time = new Date(value);
  return value && !Number.isNaN(time.getTime()) ? time.toISOString() : '';
};
