/** What narrows the lists down. */
import type { DeskState } from './deskTypes';
import { NO_FILTER, filtering } from './rows';
import type { Filter, Row } from './rows';
import { useShell } from './shell';

interface FiltersProps {
  state: DeskState;
  /** The rows in sight: their topics can be chosen. */
  rows: readonly Row[];
  onFilter(filter: Filter): void;
}

export function Filters({ state, rows, onFilter }: FiltersProps) {
  const { t, lang, coded, intent, intents } = useShell();
  const { filter, info, colleagues } = state;
  const topics = new Map(intents.map((name) => [name, intent(name)]));
  for (const row of rows) if (row.topic) topics.set(row.topic, row.topicLabel?.[lang] ?? intent(row.topic));
  const choices: Record<keyof Filter, [string, string][]> = {
    priority: ['3', '2', '1', '0'].map((value) => [value, coded('priority', value)]),
    language: [
      ['zh', t('chinese')],
      ['en', t('english')],
    ],
    reason: (info?.reasons ?? []).map((value) => [value, coded('reason', value)]),
    topic: [...topics],
    team: (info?.teams ?? []).map(({ id, name }) => [id, name[lang]]),
    agent: colleagues.map(({ agent, name }) => [agent, name]),
  };
  return (
    <div id="filters" class="filters" role="group" aria-label={t('filters')}>
      {(Object.keys(choices) as (keyof Filter)[])
        .filter((name) => choices[name].length > 0)
        .map((name) => (
          <label key={name}>
            <span>{t(`filter_${name}`)}</span>
            <select value={filter[name]} onChange={(event) => onFilter({ ...filter, [name]: event.currentTarget.value })}>
              <option value="">{t('any')}</option>
              {choices[name].map(([value, shown]) => (
                <option key={value} value={value}>
                  {shown}
                </option>
              ))}
            </select>
          </label>
        ))}
      <button type="button" class="button outline" disabled={filtering(filter) === 0} onClick={() => onFilter(NO_FILTER)}>
        {t('clearFilters')}
      </button>
    </div>
  );
}
