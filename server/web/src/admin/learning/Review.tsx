/** What the bot did not understand: message by message, or in groups of similar ones. */
import { routeTo } from '../route';
import { useShell } from '../shell';
import { Groups } from './Groups';
import { Messages } from './Messages';

export function Review({ rest }: { rest: readonly string[] }) {
  const { t } = useShell();
  const grouped = rest[0] === 'groups';
  return (
    <>
      <div class="page-head">
        <h2>{t('page_review')}</h2>
        <p>{t('reviewAbout')}</p>
      </div>
      <nav class="review-tabs" aria-label={t('page_review')}>
        <a href={routeTo('review')} aria-current={grouped ? undefined : 'page'}>
          {t('reviewMessages')}
        </a>
        <a href={routeTo('review', 'groups')} aria-current={grouped ? 'page' : undefined}>
          {t('reviewGroups')}
        </a>
        <a class="apart" href="/api/labels/export" download>
          {t('labelsExport')}
        </a>
      </nav>
      {grouped ? <Groups /> : <Messages />}
    </>
  );
}
