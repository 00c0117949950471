/** One article: both languages side by side, saved as one types; preview, trying, questions, history. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import type { Lang } from '../../shared/frames';
import { dateAndClock } from '../../shared/time';
import { refusal } from '../graph/graphApi';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { AskPanel, HistoryPanel, PreviewPanel, QuestionsPanel } from './ArticlePanels';
import { deleteDraft, putDraft, theirs } from './articlesApi';
import type { Article, Problem } from './articlesApi';
import { ConflictDialog } from './ConflictDialog';
import { FIELDS, NO_CONTENT, get, merge, same, set } from './content';
import type { Conflict, Content, Path } from './content';
import { PublishDialog } from './PublishDialog';

const SAVE_MS = 700;
const RETRY_MS = 4_000;
const TABS = ['edit', 'preview', 'ask', 'questions', 'history'] as const;
const LANGUAGES: readonly Lang[] = ['zh', 'en'];
type State = 'saved' | 'unsaved' | 'saving' | 'away';

/** What the server has: the draft's revision (0: none), the version it is based on, and its content. */
interface Held {
  revision: number;
  base: number;
  content: Content | null;
}

export function ArticleEditor({ article }: { article: Article }) {
  const { t, lang, say, fail } = useShell();
  const shown = article.draft ? article.draft.content : article.published;
  const [content, setContent] = useState<Content | null>(article.version === 0 && article.draft === null ? NO_CONTENT : shown);
  const [problems, setProblems] = useState<Problem[]>(article.problems);
  const [state, setState] = useState<State>('saved');
  const [tab, setTab] = useState<(typeof TABS)[number]>('edit');
  const [conflict, setConflict] = useState<{ name: string; conflicts: Conflict[] } | null>(null);
  const [asking, setAsking] = useState<'publish' | 'discard' | 'remove' | null>(null);
  const [, redraw] = useState(0);
  const held = useRef<Held>({ revision: article.draft?.revision ?? 0, base: article.draft?.base ?? article.version, content: shown });
  const latest = useRef(content);
  const busy = useRef(false);
  const gone = useRef(false);
  latest.current = content;

  const save = async (): Promise<void> => {
    if (busy.current || gone.current || conflict !== null) return;
    const sent = latest.current;
    if (held.current.revision > 0 ? same(sent, held.current.content) : same(sent, held.current.content ?? NO_CONTENT)) return setState('saved');
    busy.current = true;
    setState('saving');
    try {
      const answer = await putDraft(article.id, held.current.revision, held.current.base, sent);
      held.current = { revision: answer.draft?.revision ?? held.current.revision + 1, base: held.current.base, content: sent };
      setProblems(answer.problems);
      setState(same(latest.current, sent) ? 'saved' : 'unsaved');
    } catch (error) {
      const told = refusal(error);
      if (told?.code === 'changed' || told?.code === 'moved') takeOver(told.body, sent);
      else if (told) fail(new Error(told.text[lang]));
      setState(told ? 'unsaved' : 'away');
    }
    busy.current = false;
    redraw((n) => n + 1);
  };

  /** Somebody else was faster: their changes and mine together; fields that both changed are asked about. */
  const takeOver = (body: Parameters<typeof theirs>[0], mine: Content | null) => {
    const other = theirs(body);
    const now = other.draft ? other.draft.content : other.published;
    const { merged, conflicts } = merge(held.current.content, now ?? NO_CONTENT, mine ?? NO_CONTENT);
    held.current = { revision: other.draft?.revision ?? 0, base: other.version, content: now };
    const name = other.draft?.authorName ?? '';
    setContent(merged);
    if (conflicts.length > 0) setConflict({ name, conflicts });
    else say(t('conflictMerged', { name }));
  };

  useEffect(() => {
    const timer = setTimeout(() => void save(), state === 'away' ? RETRY_MS : SAVE_MS);
    return () => clearTimeout(timer);
  }, [content, state === 'away', conflict]);

  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => state !== 'saved' && event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [state]);

  const change = (path: Path, value: string) => {
    setState('unsaved');
    setContent((now) => set(now ?? NO_CONTENT, path, value));
  };
  const replace = (next: Content | null) => {
    setState('unsaved');
    setContent(next);
  };
  const leave = async () => {
    gone.current = true;
    try {
      if (held.current.revision > 0) await deleteDraft(article.id, held.current.revision);
      location.hash = routeTo('articles');
    } catch (error) {
      gone.current = false;
      fail(error);
    }
    setAsking(null);
  };

  const title = get(content ?? article.published, `${lang}.title`) || get(content ?? article.published, lang === 'zh' ? 'en.title' : 'zh.title');
  const hasDraft = held.current.revision > 0;
  return (
    <>
      <div class="page-head article-head">
        <h2>
          <a class="back" href={routeTo('articles')}>
            ← {t('articlesBack')}
          </a>
          {title || t('articleUntitled')}
        </h2>
        <p>
          <code>{article.id}</code>{' '}
          {article.draft ? t('articleBy', { name: article.draft.authorName, when: dateAndClock(article.draft.at, lang) }) : article.history[0] ? t('articleInService', { when: dateAndClock(article.history[0].at, lang) }) : ''}
        </p>
        <span class={`save-state ${state}`} role="status">
          {t(state === 'saving' ? 'articleSaving' : state === 'saved' ? 'articleSaved' : state === 'away' ? 'articleAway' : 'articleUnsaved')}
        </span>
        {hasDraft && (
          <button type="button" class="button plain" onClick={() => setAsking('discard')}>
            {t('articleDiscard')}
          </button>
        )}
        {content !== null && article.published !== null && (
          <button type="button" class="button plain" onClick={() => setAsking('remove')}>
            {t('articleDelete')}
          </button>
        )}
        <button type="button" class="button solid" disabled={!hasDraft || state !== 'saved'} onClick={() => setAsking('publish')}>
          {t('publishDrafts')}
        </button>
      </div>
      <div class="page-tabs" role="tablist" aria-label={t('articleTabs')}>
        {TABS.map((name) => (
          <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={name === tab} aria-controls="article-panel" onClick={() => setTab(name)}>
            {t(`tab_${name}`)}
            {name === 'edit' && problems.length > 0 && <span class="count">{problems.length}</span>}
          </button>
        ))}
      </div>
      <div id="article-panel" role="tabpanel" aria-labelledby={`tab-${tab}`} class="article-panel">
        {content === null ? (
          <div class="card drafts-bar">
            <p>{t('articleToBeRemoved')}</p>
            <button type="button" class="button outline" onClick={() => replace(article.published ?? NO_CONTENT)}>
              {t('articleRestore')}
            </button>
          </div>
        ) : tab === 'edit' ? (
          <Fields content={content} problems={problems} onChange={change} />
        ) : tab === 'preview' ? (
          <PreviewPanel content={content} />
        ) : tab === 'ask' ? (
          <AskPanel id={article.id} content={content} />
        ) : tab === 'questions' ? (
          <QuestionsPanel id={article.id} />
        ) : (
          <HistoryPanel
            article={article}
            onTake={(old, version) => {
              replace(old);
              setTab('edit');
              say(t('historyTaken', { n: version }));
            }}
          />
        )}
      </div>
      {asking === 'publish' && <PublishDialog only={article.id} onDone={() => (location.hash = routeTo('articles'))} onClose={() => setAsking(null)} />}
      {asking === 'discard' && (
        <FormDialog title={t('articleDiscard')} action={t('articleDiscard')} onDo={leave} onClose={() => setAsking(null)}>
          <p>{t('articleDiscardText')}</p>
        </FormDialog>
      )}
      {asking === 'remove' && (
        <FormDialog
          title={t('articleDelete')}
          action={t('articleDelete')}
          onDo={() => {
            replace(null);
            setAsking(null);
          }}
          onClose={() => setAsking(null)}
        >
          <p>{t('articleDeleteText')}</p>
        </FormDialog>
      )}
      {conflict && (
        <ConflictDialog
          {...conflict}
          onChoose={(chosen) => {
            setContent((now) => chosen.reduce((made, one) => set(made, one.path, one.value), now ?? NO_CONTENT));
            setState('unsaved');
            setConflict(null);
          }}
        />
      )}
    </>
  );
}

interface FieldsProps {
  content: Content;
  problems: readonly Problem[];
  onChange(path: Path, value: string): void;
}

function Fields({ content, problems, onChange }: FieldsProps) {
  const { t, lang } = useShell();
  const told = (language: string, field: string) => problems.filter((one) => one.language === language && one.field === field);
  const whole = problems.filter((one) => one.field === '');
  const problemId = (language: string, field: string) => `problem-${language}-${field}`;
  const Told = ({ language, field }: { language: string; field: string }) => (
    <span id={problemId(language, field)}>
      {told(language, field).map((one, at) => (
        <small key={at} class={`field-problem ${one.severity}`}>
          {one.text[lang]}
        </small>
      ))}
    </span>
  );
  return (
    <div class="article-fields">
      {whole.length > 0 && (
        <ul class="problem-list whole">
          {whole.map((one, at) => (
            <li key={at} class={one.severity}>
              {one.text[lang]}
            </li>
          ))}
        </ul>
      )}
      {LANGUAGES.map((language) => (
        <section key={language} class="card" aria-label={t(language === 'zh' ? 'chinese' : 'english')}>
          <h3>{t(language === 'zh' ? 'chinese' : 'english')}</h3>
          {FIELDS.map((field) => {
            const shared = {
              lang: language,
              value: get(content, `${language}.${field}`),
              name: `${language}.${field}`,
              'aria-describedby': problemId(language, field),
              'aria-invalid': told(language, field).some((one) => one.severity === 'error'),
              onInput: (event: { currentTarget: { value: string } }) => onChange(`${language}.${field}`, event.currentTarget.value),
            };
            return (
              <label class="field" key={field}>
                {t(`field_article_${field}`)}
                {field === 'markdown' ? <textarea rows={18} maxLength={60000} spellcheck {...shared} /> : field === 'summary' ? <textarea rows={3} maxLength={600} {...shared} /> : <input maxLength={field === 'title' ? 200 : 60} {...shared} />}
                <Told language={language} field={field} />
              </label>
            );
          })}
        </section>
      ))}
      <label class="field both">
        {t('field_article_intents')}
        <IntentsInput value={content.intents} onChange={(value) => onChange('intents', value)} />
        <small>{t('intentsHint')}</small>
        <Told language="" field="intents" />
      </label>
    </div>
  );
}

/** Keeps what is typed as it is, commas and all, until the field is left. */
function IntentsInput({ value, onChange }: { value: readonly string[]; onChange(value: string): void }) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <input
      name="intents"
      value={typed ?? value.join(', ')}
      spellcheck={false}
      autocapitalize="none"
      onInput={(event) => {
        setTyped(event.currentTarget.value);
        onChange(event.currentTarget.value);
      }}
      onBlur={() => setTyped(null)}
    />
  );
}
