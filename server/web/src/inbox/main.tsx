/** What the demo company would have sent to its customers' phones. */
import { render } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import '../shared/plain.css';
import { inbox as en } from '../i18n/en';
import { inbox as zh } from '../i18n/zh';
import { lookUp, translator } from '../i18n';
import type { Translate } from '../i18n';
import { paletteCss } from '../shared/colour';
import type { Lang } from '../shared/frames';
import { HELP_LANGUAGE, langTag, rememberLanguage, rememberedLanguage } from '../shared/language';
import { acceptPayment, fetchCompany, fetchInbox } from '../shared/rest';
import type { InboxMessage } from '../shared/rest';
import { dateAndClock } from '../shared/time';

const POLL_MS = 3_000;

function Inbox() {
  const [lang, setLang] = useState<Lang>(() => rememberedLanguage(HELP_LANGUAGE));
  const [messages, setMessages] = useState<InboxMessage[] | null>(null);
  const [failed, setFailed] = useState(false);
  const t = translator({ zh, en }, lang);

  const load = useCallback(async () => {
    try {
      setMessages(await fetchInbox(new URLSearchParams(location.search).get('customer') ?? ''));
      setFailed(false);
    } catch {
      setFailed(true);
    }
  }, []);

  useEffect(() => {
    void load();
    const timer = setInterval(() => document.visibilityState === 'visible' && void load(), POLL_MS);
    fetchCompany().then(
      (company) => {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(paletteCss(':root', company.colours));
        document.adoptedStyleSheets = [sheet];
      },
      () => undefined, // Only the colours are missing then.
    );
    return () => clearInterval(timer);
  }, [load]);

  useEffect(() => {
    document.documentElement.lang = langTag(lang);
    document.title = t('title');
    rememberLanguage(HELP_LANGUAGE, lang);
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
        {t('about')} <a href="/">{t('back')}</a>
      </p>
      {failed && <p class="bad">{t('loadFailed')}</p>}
      {messages?.length === 0 && <p class="note">{t('empty')}</p>}
      <ul class="mails" aria-live="polite">
        {messages?.map((message) => (
          <Mail key={message.id} {...{ message, t, lang, load }} />
        ))}
      </ul>
    </main>
  );
}

interface MailProps {
  message: InboxMessage;
  t: Translate<typeof zh>;
  lang: Lang;
  load(): Promise<void>;
}

function Mail({ message, t, lang, load }: MailProps) {
  const [state, setState] = useState<'idle' | 'paying' | 'failed'>('idle');
  const payment = message.kind === 'payment_request';
  const pay = async () => {
    setState('paying');
    try {
      await acceptPayment(message.bill);
      await load();
      setState('idle');
    } catch {
      setState('failed');
    }
  };
  return (
    <li class="mail">
      <small>{payment ? t('payment') : t('code')}</small>
      <small>
        <time dateTime={message.at}>{dateAndClock(message.at, lang)}</time>
      </small>
      {payment ? (
        <>
          <strong>
            {message.currency} {message.amount}
          </strong>
          {message.status === 'awaiting_payment' ? (
            <button type="button" class="solid" disabled={state === 'paying'} onClick={() => void pay()}>
              {t(state === 'paying' ? 'paying' : 'pay')}
            </button>
          ) : (
            <span>{lookUp(lang === 'zh' ? zh : en, `status_${message.status}`) ?? message.status}</span>
          )}
          <span>{t('paymentText', { bill: message.bill })}</span>
          <span class="bad" role="alert">
            {state === 'failed' && t('payFailed')}
          </span>
        </>
      ) : (
        <>
          <strong class="digits">{message.code}</strong>
          <span />
          <span>{t('codeText', { to: message.to })}</span>
        </>
      )}
    </li>
  );
}

const root = document.getElementById('app');
if (root) render(<Inbox />, root);
