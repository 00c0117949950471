/** The REST interface, drawn from /api/openapi.json without any script from elsewhere. */
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import '../shared/plain.css';
import { api as en } from '../i18n/en';
import { api as zh } from '../i18n/zh';
import { translator } from '../i18n';
import type { Translate } from '../i18n';
import type { Json, Lang } from '../shared/frames';
import { isRecord, list, text } from '../shared/frames';
import { HELP_LANGUAGE, langTag, rememberedLanguage } from '../shared/language';
import { fetchOpenApi } from '../shared/rest';
import { operationsOf, outline } from './openapi';
import type { Operation } from './openapi';

function Reference() {
  const [lang, setLang] = useState<Lang>(() => rememberedLanguage(HELP_LANGUAGE));
  const [description, setDescription] = useState<Json | null>(null);
  const [failed, setFailed] = useState(false);
  const t = translator({ zh, en }, lang);

  useEffect(() => {
    fetchOpenApi().then(setDescription, () => setFailed(true));
  }, []);
  useEffect(() => {
    document.documentElement.lang = langTag(lang);
    document.title = t('title');
  }, [lang]);

  return (
    <main class="plain-page">
      <div class="plain-top">
        <h1>{t('title')}</h1>
        <button type="button" class="plain" aria-label={t('languageLabel')} onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')}>
          {t('language')}
        </button>
      </div>
      <p class="about">
        {t('about')} <a href="/api/openapi.json">{t('raw')}</a>
      </p>
      {failed && <p class="bad">{t('loadFailed')}</p>}
      {!failed && !description && <p class="note">{t('loading')}</p>}
      {description &&
        operationsOf(description).map((operation) => (
          <Details key={`${operation.method} ${operation.path}`} {...{ operation, description, t }} />
        ))}
    </main>
  );
}

function Details({ operation, description, t }: { operation: Operation; description: Json; t: Translate<typeof zh> }) {
  const { method, path, body } = operation;
  const parameters = list(body['parameters']).filter(isRecord);
  const answers = isRecord(body['responses']) ? Object.entries(body['responses']) : [];
  const sent = outline(body['requestBody'], description);
  return (
    <details class="operation">
      <summary>
        <span class="method">{method.toUpperCase()}</span>
        <code>{path}</code>
        <span>{text(body['summary'])}</span>
      </summary>
      <div class="operation-body">
        {text(body['description']) && <p>{text(body['description'])}</p>}
        {parameters.length > 0 && (
          <>
            <h3>{t('parameters')}</h3>
            <dl>
              {parameters.map((parameter, index) => (
                <div key={index}>
                  <dt>
                    <code>{text(parameter['name'])}</code>
                  </dt>
                  <dd>
                    {[text(parameter['in']), parameter['required'] === true ? t('required') : '', outline(parameter['schema'], description)]
                      .filter(Boolean)
                      .join(' · ')}
                  </dd>
                </div>
              ))}
            </dl>
          </>
        )}
        {sent && (
          <>
            <h3>{t('body')}</h3>
            <pre>{sent}</pre>
          </>
        )}
        <h3>{t('answers')}</h3>
        <dl>
          {answers.map(([status, answer]) => (
            <div key={status}>
              <dt>
                <code>{status}</code>
              </dt>
              <dd>
                {isRecord(answer) && text(answer['description'])}
                {outline(answer, description) && <pre>{outline(answer, description)}</pre>}
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </details>
  );
}

const root = document.getElementById('app');
if (root) render(<Reference />, root);
