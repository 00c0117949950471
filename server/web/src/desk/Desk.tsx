/** Log-in, then the desk itself. */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { Login } from '../shared/Login';
import type { Localised } from '../shared/rest';
import { LanguageContext, useStaffPage } from '../shared/staffPage';
import { fetchIntents } from './deskApi';
import { ShellContext, makeShell } from './shell';
import { Workspace } from './Workspace';

export function Desk() {
  const { lang, company, staff, setStaff, switchLanguage } = useStaffPage();
  const [intents, setIntents] = useState<Readonly<Record<string, Localised>>>({});
  const shell = useMemo(() => makeShell(lang, intents), [lang, intents]);
  const here = staff !== null && staff !== 'asking';

  useEffect(() => {
    if (!here) return;
    fetchIntents().then(setIntents, () => undefined); // Intents go by their names then.
  }, [here]);

  const signedOut = useCallback(() => setStaff(null), []);
  if (staff === 'asking') return null;
  return (
    <LanguageContext.Provider value={lang}>
      <ShellContext.Provider value={shell}>
        {staff ? (
          <Workspace key={staff.username} {...{ staff, company, switchLanguage, signedOut }} />
        ) : (
          <Login title={shell.t('loginTitle')} company={company} switchLanguage={switchLanguage} onStaff={setStaff} />
        )}
      </ShellContext.Provider>
    </LanguageContext.Provider>
  );
}
