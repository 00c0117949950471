/** Log-in, then the desk itself. */
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { paletteCss } from '../shared/colour';
import type { Lang } from '../shared/frames';
import { DESK_LANGUAGE, langTag, rememberLanguage, rememberedLanguage } from '../shared/language';
import { fetchCompany, fetchSession } from '../shared/rest';
import type { Company, Localised, Staff } from '../shared/rest';
import { fetchIntents } from './deskApi';
import { Login } from './Login';
import { ShellContext, makeShell } from './shell';
import { Workspace } from './Workspace';

export function Desk() {
  const [lang, setLang] = useState<Lang>(() => rememberedLanguage(DESK_LANGUAGE));
  const [staff, setStaff] = useState<Staff | null | 'asking'>('asking');
  const [company, setCompany] = useState<Company | null>(null);
  const [intents, setIntents] = useState<Readonly<Record<string, Localised>>>({});
  const shell = useMemo(() => makeShell(lang, intents), [lang, intents]);
  const here = staff !== null && staff !== 'asking';

  useEffect(() => {
    document.documentElement.lang = langTag(lang);
    rememberLanguage(DESK_LANGUAGE, lang);
  }, [lang]);

  useEffect(() => {
    fetchSession().then(setStaff, () => setStaff(null));
    fetchCompany().then(
      (found) => {
        setCompany(found);
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(paletteCss(':root', found.colours));
        document.adoptedStyleSheets = [sheet];
      },
      () => undefined, // The desk works without the company's name and colours.
    );
  }, []);

  useEffect(() => {
    if (!here) return;
    fetchIntents().then(setIntents, () => undefined); // Intents go by their names then.
  }, [here]);

  const signedOut = useCallback(() => setStaff(null), []);
  const switchLanguage = () => setLang(lang === 'zh' ? 'en' : 'zh');
  if (staff === 'asking') return null;
  return (
    <ShellContext.Provider value={shell}>
      {staff ? (
        <Workspace key={staff.username} {...{ staff, company, switchLanguage, signedOut }} />
      ) : (
        <Login company={company} switchLanguage={switchLanguage} onStaff={setStaff} />
      )}
    </ShellContext.Provider>
  );
}
