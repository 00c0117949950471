/** One's own account: the second factor and the sessions. */
import { useState } from 'preact/hooks';
import { RestError } from '../shared/rest';
import { useLoad, Waiting } from './load';
import { beginSecondFactor, confirmSecondFactor, endOtherSessions, fetchMySessions, removeSecondFactor } from './safetyApi';
import { useShell } from './shell';

export function Account() {
  const { t, say, fail } = useShell();
  const mine = useLoad(fetchMySessions, []);
  const endOthers = async () => {
    try {
      await endOtherSessions();
      say(t('sessionsEnded'));
      mine.reload();
    } catch (error) {
      fail(error);
    }
  };
  return (
    <>
      <div class="page-head">
        <h2>{t('page_account')}</h2>
        <p>{t('accountAbout')}</p>
      </div>
      <Waiting of={mine}>
        {(account) => (
          <>
            <section class="card form-card">
              <h3>
                {t('secondFactor')}
                <small>{t(account.secondFactor ? 'secondFactorOn' : 'secondFactorOff')}</small>
              </h3>
              {account.secondFactor ? <Removal onDone={mine.reload} /> : <SetUp onDone={mine.reload} />}
            </section>
            <section class="card form-card">
              <h3>{t('sessions')}</h3>
              <p>{t('sessionsOpen', { n: account.sessions })}</p>
              {account.sessions > 1 && (
                <button type="button" class="button outline" onClick={endOthers}>
                  {t('sessionsEnd')}
                </button>
              )}
            </section>
          </>
        )}
      </Waiting>
    </>
  );
}

function SetUp({ onDone }: { onDone(): void }) {
  const { t, say, fail } = useShell();
  const [secret, setSecret] = useState<{ secret: string; uri: string; qr: string } | null>(null);
  const begin = () => beginSecondFactor().then(setSecret, fail);
  if (secret === null)
    return (
      <>
        <p>{t('secondFactorWhy')}</p>
        <button type="button" class="button solid" onClick={begin}>
          {t('secondFactorBegin')}
        </button>
      </>
    );
  return (
    <>
      <p>{t('secondFactorSecret')}</p>
      {secret.qr && <img class="qr" src={secret.qr} alt={t('secondFactorPicture')} width={220} height={220} />}
      <p class="secret">{secret.secret.replace(/(.{4})(?=.)/g, '$1 ')}</p>
      <p>
        <a href={secret.uri}>{t('secondFactorOpen')}</a>
      </p>
      <CodeForm
        action={t('secondFactorConfirm')}
        send={confirmSecondFactor}
        onDone={() => {
          say(t('secondFactorSet'));
          onDone();
        }}
      />
    </>
  );
}

function Removal({ onDone }: { onDone(): void }) {
  const { t, say } = useShell();
  return (
    <>
      <p>{t('secondFactorRemoveHint')}</p>
      <CodeForm
        action={t('secondFactorRemove')}
        send={removeSecondFactor}
        onDone={() => {
          say(t('secondFactorRemoved'));
          onDone();
        }}
      />
    </>
  );
}

function CodeForm({ action, send, onDone }: { action: string; send(code: string): Promise<void>; onDone(): void }) {
  const { t, fail } = useShell();
  const [problem, setProblem] = useState('');
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const code = String(new FormData(event.currentTarget as HTMLFormElement).get('code') ?? '').replace(/\s/g, '');
    setProblem('');
    try {
      await send(code);
      onDone();
    } catch (error) {
      if (error instanceof RestError && (error.status === 403 || error.status === 422)) setProblem(t('codeWrong'));
      else if (error instanceof RestError && error.status === 429) setProblem(t('loginLimited'));
      else fail(error);
    }
  };
  return (
    <form class="one-line" onSubmit={submit}>
      <label class="field">
        {t('code')}
        <input name="code" autocomplete="one-time-code" inputmode="numeric" maxLength={9} required />
      </label>
      <button type="submit" class="button solid">
        {action}
      </button>
      <p class="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
