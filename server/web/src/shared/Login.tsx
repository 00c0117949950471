/** Who are you? */
import { useEffect, useState } from 'preact/hooks';
import { CODE_NEEDED, RestError, logIn } from './rest';
import type { Company, Staff } from './rest';
import { initial } from './text';
import { useStaffTexts } from './staffPage';

/** The code is asked for in the middle of logging in: its field has the keyboard at once. */
const focused = (field: HTMLInputElement | null) => field?.focus();

interface LoginProps {
  title: string;
  company: Company | null;
  switchLanguage(): void;
  onStaff(staff: Staff): void;
}

export function Login({ title, company, switchLanguage, onStaff }: LoginProps) {
  const { t, lang } = useStaffTexts();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [asksCode, setAsksCode] = useState(false);

  useEffect(() => {
    document.title = title;
  }, [title]);

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
      </form>
      <button type="button" class="button plain" lang={lang === 'zh' ? 'en' : 'zh-CN'} aria-label={t('languageLabel')} onClick={switchLanguage}>
        {t('language')}
      </button>
    </main>
  );
}
