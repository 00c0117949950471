/** Every version of the company's settings: who changed what, and back to it. */
import { useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { dateAndClock } from '../../shared/time';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { fetchHistory, refusal, rollBack } from './settingsApi';
import type { Change, Current, Version } from './settingsApi';

export function SettingsHistory({ current, onChanged }: { current: Current; onChanged(current: Current): void }) {
  const { t, lang, say, fail } = useShell();
  const history = useLoad(fetchHistory, [current.version]);
  const [back, setBack] = useState<Version | null>(null);
  const [message, setMessage] = useState('');
  const roll = async (version: Version) => {
    setBack(null);
    try {
      onChanged(await rollBack(current.version, version.version, message.trim()));
      say(t('settingsRolledBack', { n: version.version }));
    } catch (error) {
      const told = refusal(error);
      fail(told ? new Error([told.text[lang], ...told.problems.map((one) => one.text[lang])].join(' ')) : error);
    }
  };
  const origin = (one: Version) => (one.origin === 'seed' ? t('settingsSeed') : one.origin === 'rollback' ? t('settingsBackTo', { n: one.of }) : '');
  return (
    <Waiting of={history}>
      {(versions) => (
        <ol class="versions">
          {versions.map((one) => (
            <li class="card version" key={one.version}>
              <h3>
                {t('settingsVersion', { n: one.version })}
                {one.version === current.version && <span class="live-mark">{t('settingsNow')}</span>}
                <small>{[one.author, dateAndClock(one.at, lang)].filter(Boolean).join(' · ')}</small>
              </h3>
              <p>{one.message || origin(one)}</p>
              {one.message && origin(one) && <p class="faint">{origin(one)}</p>}
              <Changes changes={one.changes} />
              {one.version !== current.version && (
                <div class="card-buttons">
                  <button type="button" class="button outline" onClick={() => (setMessage(''), setBack(one))}>
                    {t('settingsBack')}
                  </button>
                </div>
              )}
            </li>
          ))}
          {back && (
            <FormDialog title={t('settingsBackTitle', { n: back.version })} action={t('settingsBack')} onDo={() => roll(back)} onClose={() => setBack(null)}>
              <p>{t('settingsBackText')}</p>
              <label class="field">
                {t('settingsWhy')}
                <input name="message" value={message} maxLength={500} onInput={(event) => setMessage(event.currentTarget.value)} />
              </label>
            </FormDialog>
          )}
        </ol>
      )}
    </Waiting>
  );
}

const shown = (value: unknown): string => (value === null || value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value));

function Changes({ changes }: { changes: readonly Change[] }) {
  const { t } = useShell();
  if (changes.length === 0) return null;
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label={t('settingsChanged')}>
      <table class="changes">
        <thead>
          <tr>
            <th scope="col">{t('settingsField')}</th>
            <th scope="col">{t('settingsBefore')}</th>
            <th scope="col">{t('settingsAfter')}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={change.path.join('.')}>
              <th scope="row" class="code-like">{change.path.join('.')}</th>
              <td>{shown(change.before)}</td>
              <td>{shown(change.after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
