/** Who are you? */
import { useEffect, useState } from 'preact/hooks';
import { CODE_NEEDED, RestError, fetchOwnAccounts, logIn } from './rest';
import type { Company, OwnAccounts, Staff } from './rest';
import { initial } from './text';
import { useStaffTexts } from './staffPage';

/** The code is asked for in the middle of logging in: its field has the keyboard at once. */
const focused = (field: HTMLInputElement | null) => field?.focus();

/** Why the company's sign-in sent somebody back without a session; the address forgets it at once. */
const REASONS = {
  denied: 'signInDenied',
  expired: 'signInExpired',
  no_role: 'signInNoRole',
  taken: 'signInTaken',
  disabled: 'signInDisabled',
  failed: 'signInFailed',
} as const;

function takeReason() {
  const reason = new URLSearchParams(location.search).get('sign_in');
  if (reason === null) return null;
  history.replaceState(history.state, '', location.pathname + location.hash);
  return REASONS[reason as keyof typeof REASONS] ?? REASONS.failed;
}

interface LoginProps {
  title: string;
  company: Company | null;
  switchLanguage(): void;
  onStaff(staff: Staff): void;
}

export function Login({ title, company, switchLanguage, onStaff }: LoginProps) {
  const { t, lang } = useStaffTexts();
  const [busy, setBusy] = useState(false);
  const [reason] = useState(takeReason);
  const [problem, setProblem] = useState<string | null>(reason && t(reason));
  const [own, setOwn] = useState<OwnAccounts | null>(null);
  const [asksCode, setAsksCode] = useState(false);

  useEffect(() => {
    document.title = title;
  }, [title]);

  useEffect(() => {
    // Without an answer the passwords are left, and logging in says what is wrong.
    fetchOwnAccounts().then(setOwn, () => setOwn(null));
  }, []);

  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem(null);
    try {
      const field = (name: string) => String(form.get(name) ?? '');
      onStaff(await logIn(field('username').trim(), field('password'), field('code').replace(/\s/g, '')));
    } catch (error) {
      const status = error instanceof RestError ? error.status : 0;
      const wantsCode = error instanceof RestError && error.message === CODE_NEEDED;
      setAsksCode(asksCode || wantsCode);
      if (wantsCode) setProblem(t(asksCode ? 'codeWrong' : 'codeNeeded'));
      else setProblem(status === 429 ? t('loginLimited') : status >= 400 && status < 500 ? t('loginFailed') : t('networkFailed'));
      setBusy(false);
    }
  };

  return (
    <main class="login">
      <form onSubmit={onSubmit}>
        <div class="login-brand">
          <span class="mark" aria-hidden="true">
            {company?.logo || initial(company?.name[lang] ?? '')}
          </span>
          <span>{company?.name[lang]}</span>
        </div>
        <h1>{title}</h1>
        <label>
          {t('username')}
          <input name="username" autocomplete="username" required autofocus spellcheck={false} autocapitalize="none" />
        </label>
        <label>
          {t('password')}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        {asksCode && (
          <label>
            {t('code')}
            <input name="code" autocomplete="one-time-code" inputmode="numeric" maxLength={9} required ref={focused} />
          </label>
        )}
        <p class="login-problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="button solid" disabled={busy}>
          {busy ? t('loggingIn') : t('login')}
        </button>
        {own && (
          <a class="button outline" href={`${own.address}?to=${location.pathname.startsWith('/admin') ? 'admin' : 'desk'}`}>
            {own.name ? t('signInWith', { name: own.name }) : t('signInOwn')}
          </a>
        )}
      </form>
      <button type="button" class="button plain" lang={lang === 'zh' ? 'en' : 'zh-CN'} aria-label={t('languageLabel')} onClick={switchLanguage}>
        {t('language')}
      </button>
    </main>
  );
}
