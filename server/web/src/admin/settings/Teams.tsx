/** Teams: what they are called, and which hand-overs are theirs. */
import { isRecord, list, text } from '../../shared/frames';
import type { Localised } from '../../shared/rest';
import { useShell } from '../shell';
import { problemsAt, read } from './document';
import { Choices, Faults, LinesField, TextField, TextPair } from './fields';
import type { Form } from './fields';

const REASONS = ['low_confidence', 'customer_asked', 'diagnosis_exhausted', 'safety', 'repeated_failure', 'upset_customer', 'speech_unclear', 'out_of_scope', 'policy', 'system_failure'];

export function Teams({ form, topics }: { form: Form; topics: readonly { name: string; label: Localised }[] }) {
  const { t, lang, coded } = useShell();
  const teams = list(read(form.document, ['desk', 'teams']));
  const names = new Set(teams.map((team) => (isRecord(team) ? team['id'] : '')));
  const add = () => {
    let n = teams.length + 1;
    while (names.has(`team_${n}`)) n += 1;
    form.set(['desk', 'teams'], [...teams, { id: `team_${n}`, name: { zh: '', en: '' }, skills: [], topics: [], reasons: [] }]);
  };
  return (
    <section class="card settings-card">
      <h3>{t('settingsTeams')}</h3>
      <p class="faint">{t('settingsTeamsAbout')}</p>
      <Faults form={form} path={['desk', 'teams']} />
      {teams.map((team, index) => {
        const path = ['desk', 'teams', index];
        const name = isRecord(team) && isRecord(team['name']) ? (text(team['name'][lang]) ?? '') : '';
        const faulty = problemsAt(form.problems, path, true).length > 0;
        return (
          <details key={index} class="team" open={faulty || name === '' || undefined}>
            <summary>
              {name || t('settingsTeamNew')}
              {faulty && <span class="problem"> {t('settingsTeamFaulty')}</span>}
            </summary>
            <div class="form-grid">
              <TextPair form={form} path={[...path, 'name']} label={t('settingsTeamName')} most={60} />
              <div class="side-by-side">
                <TextField form={form} path={[...path, 'id']} label={t('settingsTeamId')} most={40} />
                <LinesField form={form} path={[...path, 'skills']} label={t('settingsSkills')} hint={t('settingsSkillsHint')} rows={2} />
              </div>
              <Choices form={form} path={[...path, 'topics']} label={t('settingsTopics')} options={topics.map((one) => ({ value: one.name, label: one.label[lang] || one.name }))} />
              <Choices form={form} path={[...path, 'reasons']} label={t('settingsReasons')} options={REASONS.map((value) => ({ value, label: coded('reason', value) }))} />
              <button type="button" class="button outline team-remove" onClick={() => form.set(['desk', 'teams'], teams.filter((_, n) => n !== index))}>
                {t('settingsTeamRemove')}
              </button>
            </div>
          </details>
        );
      })}
      <button type="button" class="button outline" onClick={add}>
        {t('settingsTeamAdd')}
      </button>
    </section>
  );
}
