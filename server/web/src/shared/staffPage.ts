/** What the pages for staff share: the language with the texts that all of them use, and the company's colours. */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import { translator } from '../i18n';
import type { Translate } from '../i18n';
import { staff as en } from '../i18n/staffEn';
import { staff as zh } from '../i18n/staffZh';
import { paletteCss } from './colour';
import type { Lang } from './frames';
import { DESK_LANGUAGE, langTag, rememberLanguage, rememberedLanguage } from './language';
import { fetchCompany, fetchSession } from './rest';
import type { Company, Staff } from './rest';

export const LanguageContext = createContext<Lang>('zh');

export function useStaffTexts(): { lang: Lang; t: Translate<typeof zh> } {
  const lang = useContext(LanguageContext);
  return { lang, t: translator({ zh, en }, lang) };
}

export interface StaffPage {
  lang: Lang;
  company: Company | null;
  /** `asking` until the session is known. */
  staff: Staff | null | 'asking';
  setStaff(staff: Staff | null): void;
  switchLanguage(): void;
}

/** The session, the company and the language that the person chose on any of the staff's pages. */
export function useStaffPage(): StaffPage {
  const [lang, setLang] = useState<Lang>(() => rememberedLanguage(DESK_LANGUAGE));
  const [staff, setStaff] = useState<Staff | null | 'asking'>('asking');
  const [company, setCompany] = useState<Company | null>(null);

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
      () => undefined, // The pages work without the company's name and colours.
    );
  }, []);

  return { lang, company, staff, setStaff, switchLanguage: () => setLang(lang === 'zh' ? 'en' : 'zh') };
}
