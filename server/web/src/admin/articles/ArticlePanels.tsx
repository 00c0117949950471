/** What one looks at beside an article's text: its page, the bot's answer, customers' questions, its history. */
import { useCallback, useState } from 'preact/hooks';
import type { Lang } from '../../shared/frames';
import { RichText } from '../../shared/RichText';
import { sanitise } from '../../shared/sanitise';
import { dateAndClock } from '../../shared/time';
import { refusal } from '../graph/graphApi';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { ask, fetchQuestions, fetchRevision, renderMarkdown } from './articlesApi';
import type { Answer, Article, Asked } from './articlesApi';
import { get } from './content';
import type { Content } from './content';

const LANGUAGES: readonly Lang[] = ['zh', 'en'];

export function PreviewPanel({ content }: { content: Content }) {
  return (
    <div class="side-by-side">
      {LANGUAGES.map((language) => (
        <Preview key={language} language={language} title={get(content, `${language}.title`)} summary={get(content, `${language}.summary`)} markdown={get(content, `${language}.markdown`)} />
      ))}
    </div>
  );
}

function Preview({ language, title, summary, markdown }: { language: Lang; title: string; summary: string; markdown: string }) {
  const { t } = useShell();
  const html = useLoad(() => renderMarkdown(markdown), [markdown]);
  return (
    <article class="card article-page" lang={language === 'zh' ? 'zh-CN' : 'en'}>
      {title || markdown ? (
        <>
          <h3>{title}</h3>
          <p class="faint">{summary}</p>
          <Waiting of={html}>{(found) => <Prose html={found} />}</Waiting>
        </>
      ) : (
        <p class="empty">{t('previewEmpty')}</p>
      )}
    </article>
  );
}

function Prose({ html }: { html: string }) {
  const box = useCallback((element: HTMLDivElement | null) => element?.replaceChildren(sanitise(html, location.href)), [html]);
  return <div class="prose" ref={box} />;
}

export function AskPanel({ id, content }: { id: string; content: Content }) {
  const { t, lang, fail } = useShell();
  const [question, setQuestion] = useState('');
  const [asked, setAsked] = useState<Asked | null>(null);
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    try {
      setAsked(await ask(question.trim(), lang, { [id]: content }));
    } catch (error) {
      const told = refusal(error);
      fail(told ? new Error(told.text[lang]) : error);
    }
    setBusy(false);
  };
  return (
    <>
      <p class="faint">{t('askAbout')}</p>
      <form
        class="list-tools"
        onSubmit={(event) => {
          event.preventDefault();
          if (question.trim() && !busy) void go();
        }}
      >
        <label class="field grow">
          {t('askQuestion')}
          <input name="question" value={question} maxLength={1000} autocomplete="off" onInput={(event) => setQuestion(event.currentTarget.value)} />
        </label>
        <button type="submit" class="button solid" disabled={busy || question.trim() === ''}>
          {t(busy ? 'askAsking' : 'askButton')}
        </button>
      </form>
      {asked && (
        <div aria-live="polite">
          <p>{asked.intent ? t('askIntent', { name: asked.intent[lang], share: asked.share }) : t('askFallback', { share: asked.share })}</p>
          <div class="side-by-side answers">
            <AnswerCard title={t('askDraft')} answer={asked.draft} own={id} />
            <AnswerCard title={t('askNow')} answer={asked.published} own={id} />
          </div>
        </div>
      )}
    </>
  );
}

function AnswerCard({ title, answer, own }: { title: string; answer: Answer; own: string }) {
  const { t, coded } = useShell();
  return (
    <section class="card answer-card" aria-label={title}>
      <h3>
        {title}
        <span class={`chip ${answer.confident ? 'added' : 'warn'}`}>{t(answer.confident ? 'askSure' : 'askUnsure')}</span>
      </h3>
      {answer.text ? (
        <p class="bubble">
          <RichText text={answer.text} />
        </p>
      ) : (
        <p class="faint">{t('askElse', { does: coded('does', answer.does) })}</p>
      )}
      <h4>{t('askPassages')}</h4>
      <ol class="passages">
        {answer.passages.map((one, at) => (
          <li key={at} class={one.article === own ? 'own' : ''}>
            <strong>{one.title}</strong> <small>{t('askScore', { n: one.score.toFixed(2) })}</small>
            <p class="faint">{one.passage}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}

export function QuestionsPanel({ id }: { id: string }) {
  const { t, lang } = useShell();
  const [wrong, setWrong] = useState(false);
  const loaded = useLoad(() => fetchQuestions(id, wrong), [id, wrong]);
  return (
    <>
      <p class="faint">{t('questionsAbout')}</p>
      <label class="check">
        <input type="checkbox" checked={wrong} onChange={(event) => setWrong(event.currentTarget.checked)} /> {t('questionsWrong')}
      </label>
      <Waiting of={loaded}>
        {(found) => (
          <>
            <p>
              {t('articleAnswered', { n: found.answered })} · {t('articleWrong', { n: found.wrong })}
            </p>
            {found.questions.length === 0 ? (
              <p class="empty card">{t('questionsNone')}</p>
            ) : (
              <ul class="article-rows card">
                {found.questions.map((one) => (
                  <li key={one.id}>
                    <div class="article-line">
                      <span>{one.text}</span>
                      {one.disliked && <span class="chip bad">{t('questionDisliked')}</span>}
                      {one.marked && <span class="chip bad">{t('questionMarked')}</span>}
                    </div>
                    <p class="faint small">{dateAndClock(one.at, lang)}</p>
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Waiting>
    </>
  );
}

export function HistoryPanel({ article, onTake }: { article: Article; onTake(content: Content | null, version: number): void }) {
  const { t, lang, coded, fail } = useShell();
  const take = async (version: number) => {
    try {
      onTake(await fetchRevision(article.id, version), version);
    } catch (error) {
      fail(error);
    }
  };
  if (article.history.length === 0) return <p class="empty card">{t('questionsNone')}</p>;
  return (
    <ol class="versions">
      {article.history.map((one) => (
        <li key={one.version} class="card version">
          <h3>
            {t('versionNumber', { n: one.version })}
            <small>{[one.authorName, dateAndClock(one.at, lang)].filter(Boolean).join(' · ')}</small>
          </h3>
          <p>{one.message || coded('origin_articles', one.origin)}</p>
          <div class="card-buttons">
            <button type="button" class="button outline" onClick={() => void take(one.version)}>
              {t('historyTake')}
            </button>
          </div>
        </li>
      ))}
    </ol>
  );
}
