/** Staff accounts: made, placed in teams, disabled, given a new password. */
import { useState } from 'preact/hooks';
import { FormDialog, Dialog } from '../../shared/Dialog';
import type { Json } from '../../shared/frames';
import { text } from '../../shared/frames';
import { useLoad, Waiting } from '../load';
import { useShell } from '../shell';
import { addAccount, changeAccount, fetchStaff, placeAccount, refusal, resetPassword } from './settingsApi';
import type { Account } from './settingsApi';

const ROLES = ['agent', 'supervisor', 'admin'] as const;
type Team = { id: string; name: Json };

export function Accounts({ teams }: { teams: readonly Team[] }) {
  const { t, lang, fail } = useShell();
  const staff = useLoad(fetchStaff, []);
  const [open, setOpen] = useState<Account | 'new' | null>(null);
  const [told, setTold] = useState<{ username: string; password: string } | null>(null);
  const refused = (error: unknown) => {
    const said = refusal(error);
    fail(said ? new Error(said.text[lang]) : error);
  };
  const done = (password?: { username: string; password: string }) => {
    setOpen(null);
    if (password) setTold(password);
    staff.reload();
  };
  const teamName = (id: string) => text(teams.find((team) => team.id === id)?.name[lang]) ?? id;
  return (
    <section class="card">
      <h3>
        {t('settingsTab_staff')}
        <button type="button" class="button solid" onClick={() => setOpen('new')}>
          {t('staffAdd')}
        </button>
      </h3>
      <Waiting of={staff}>
        {(accounts) => (
          <table class="stacked">
            <thead>
              <tr>
                <th scope="col">{t('staffName')}</th>
                <th scope="col">{t('username')}</th>
                <th scope="col">{t('staffRole')}</th>
                <th scope="col">{t('settingsTeams')}</th>
                <th scope="col">{t('settingsLanguages')}</th>
                <th scope="col" class="number">{t('staffCapacity')}</th>
                <th scope="col">
                  <span class="hidden">{t('edit')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {accounts.map((one) => (
                <tr key={one.username} class={one.active ? '' : 'disabled-account'}>
                  <th scope="row">{one.name}</th>
                  <td class="code-like">{one.username}</td>
                  <td>
                    {t(`role_${one.role as 'agent'}`)}
                    {!one.active && <span class="chip"> {t('staffDisabled')}</span>}
                  </td>
                  <td>{one.teams.map(teamName).join(lang === 'zh' ? '、' : ', ') || t('staffEvery')}</td>
                  <td>{one.languages.map((language) => (language === 'zh' ? t('chinese') : t('english'))).join(' · ') || t('staffEvery')}</td>
                  <td class="number">{one.capacity}</td>
                  <td>
                    <button type="button" class="button outline" aria-label={t('staffEdit', { name: one.name })} onClick={() => setOpen(one)}>
                      {t('edit')}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Waiting>
      {open === 'new' && <NewAccount onDone={done} onClose={() => setOpen(null)} onRefused={refused} />}
      {open !== null && open !== 'new' && <EditAccount account={open} teams={teams} onDone={done} onClose={() => setOpen(null)} onRefused={refused} />}
      {told && (
        <Dialog title={t('staffPasswordTitle', { name: told.username })} onClose={() => setTold(null)}>
          <p>{t('staffPasswordText')}</p>
          <p class="secret">{told.password}</p>
          <div class="dialog-buttons">
            <button type="button" class="button solid" onClick={() => setTold(null)}>
              {t('dismiss')}
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}

interface Ends {
  onDone(password?: { username: string; password: string }): void;
  onClose(): void;
  onRefused(error: unknown): void;
}

function RoleField({ value, onChange }: { value: string; onChange(role: string): void }) {
  const { t } = useShell();
  return (
    <label class="field">
      {t('staffRole')}
      <select name="role" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {t(`role_${role}`)}
          </option>
        ))}
      </select>
    </label>
  );
}

function NewAccount({ onDone, onClose, onRefused }: Ends) {
  const { t } = useShell();
  const [name, setName] = useState('');
  const [username, setUsername] = useState('');
  const [role, setRole] = useState('agent');
  const make = () => addAccount(username.trim(), name.trim(), role).then((password) => onDone({ username: username.trim(), password }), (error: unknown) => (onClose(), onRefused(error)));
  return (
    <FormDialog title={t('staffAdd')} action={t('staffMake')} ready={/^[A-Za-z0-9._-]{1,64}$/.test(username.trim()) && name.trim() !== ''} onDo={make} onClose={onClose}>
      <label class="field">
        {t('staffName')}
        <input name="name" value={name} maxLength={100} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <label class="field">
        {t('username')}
        <input name="username" value={username} maxLength={64} autocomplete="off" spellcheck={false} onInput={(event) => setUsername(event.currentTarget.value)} />
        <small>{t('staffUsernameHint')}</small>
      </label>
      <RoleField value={role} onChange={setRole} />
    </FormDialog>
  );
}

function EditAccount({ account, teams, onDone, onClose, onRefused }: Ends & { account: Account; teams: readonly Team[] }) {
  const { t, lang, say } = useShell();
  const [draft, setDraft] = useState(account);
  const put = (change: Partial<Account>) => setDraft({ ...draft, ...change });
  const toggled = (values: string[], value: string) => (values.includes(value) ? values.filter((one) => one !== value) : [...values, value]);
  const failed = (error: unknown) => (onClose(), onRefused(error));
  const save = async () => {
    try {
      const { teams: inTeams, languages, capacity } = draft;
      if (JSON.stringify([inTeams, languages, capacity]) !== JSON.stringify([account.teams, account.languages, account.capacity]))
        await placeAccount(account.username, { teams: inTeams, languages, capacity });
      await changeAccount(account.username, { name: draft.name.trim(), role: draft.role, active: draft.active });
      say(t('staffSaved', { name: draft.name }));
      onDone();
    } catch (error) {
      failed(error);
    }
  };
  const reset = () => resetPassword(account.username).then((password) => onDone({ username: account.username, password }), failed);
  return (
    <FormDialog title={t('staffEdit', { name: account.name })} action={t('save')} ready={draft.name.trim() !== '' && Number.isInteger(draft.capacity)} onDo={save} onClose={onClose}>
      <label class="field">
        {t('staffName')}
        <input name="name" value={draft.name} maxLength={100} onInput={(event) => put({ name: event.currentTarget.value })} />
      </label>
      <RoleField value={draft.role} onChange={(role) => put({ role })} />
      <fieldset class="choices">
        <legend>{t('settingsTeams')}</legend>
        {teams.map((team) => (
          <label key={team.id}>
            <input type="checkbox" checked={draft.teams.includes(team.id)} onChange={() => put({ teams: toggled(draft.teams, team.id) })} />
            {text(team.name[lang]) || team.id}
          </label>
        ))}
        <small>{t('staffNoneIsAll')}</small>
      </fieldset>
      <fieldset class="choices">
        <legend>{t('settingsLanguages')}</legend>
        {(['zh', 'en'] as const).map((language) => (
          <label key={language}>
            <input type="checkbox" checked={draft.languages.includes(language)} onChange={() => put({ languages: toggled(draft.languages, language) })} />
            {t(language === 'zh' ? 'chinese' : 'english')}
          </label>
        ))}
      </fieldset>
      <label class="field">
        {t('staffCapacity')}
        <input type="number" name="capacity" min={0} max={100} value={draft.capacity} onInput={(event) => put({ capacity: Number(event.currentTarget.value) })} />
      </label>
      <label class="one-choice">
        <input type="checkbox" name="active" checked={draft.active} onChange={(event) => put({ active: event.currentTarget.checked })} />
        {t('staffActive')}
      </label>
      <button type="button" class="button outline" onClick={reset}>
        {t('staffReset')}
      </button>
    </FormDialog>
  );
}
