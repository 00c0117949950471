/** Who are you? */
import { useEffect, useState } from 'preact/hooks';
import { RestError, logIn } from '../shared/rest';
import type { Company, Staff } from '../shared/rest';
import { initial } from '../shared/text';
import { useShell } from './shell';

interface LoginProps {
  company: Company | null;
  switchLanguage(): void;
  onStaff(staff: Staff): void;
}

export function Login({ company, switchLanguage, onStaff }: LoginProps) {
  const { t, lang } = useShell();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    document.title = t('loginTitle');
  }, [t]);

  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem(null);
    try {
      onStaff(await logIn(String(form.get('username') ?? '').trim(), String(form.get('password') ?? '')));
    } catch (error) {
      const status = error instanceof RestError ? error.status : 0;
      setProblem(status === 429 ? t('loginLimited') : status >= 400 && status < 500 ? t('loginFailed') : t('networkFailed'));
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
        <h1>{t('loginTitle')}</h1>
        <label>
          {t('username')}
          <input name="username" autocomplete="username" required autofocus spellcheck={false} autocapitalize="none" />
        </label>
        <label>
          {t('password')}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
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
