/** What a risk bound leaves to the bot: the share of the messages that it acts on by itself, at each bound. */
import { useEffect, useState } from 'preact/hooks';
import { Plot } from '../figures/Plot';
import '../figures/figures.css';
import { useShell } from '../shell';
import { fetchCoverage } from './settingsApi';
import type { Coverage as Found } from './settingsApi';

const TYPING_MS = 350;
const COLOURS = ['first', 'second', 'third', 'fourth'] as const;
const LEAST = 0.001;
const MOST = 0.5;

export function Coverage({ bound, languages }: { bound: number; languages: readonly string[] }) {
  const { t, fail } = useShell();
  const [found, setFound] = useState<Found | null>(null);

  useEffect(() => {
    if (bound < LEAST || bound > MOST) return;
    let wanted = true;
    const timer = setTimeout(() => fetchCoverage(bound).then((now) => wanted && setFound(now), fail), found ? TYPING_MS : 0);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [bound]);

  if (!found) return null;
  const names: Record<string, string> = { zh: t('chinese'), en: t('english') };
  const shown = languages.filter((one) => found.languages[one]);
  const points = (found.languages[shown[0] ?? ''] ?? []).map((one) => String(one.bound));
  const percent = (value: number) => `${Number((value * 100).toFixed(1))} %`;
  return (
    <div class="bound-coverage">
      <Plot
        title={t('coveragePlot')}
        days={points}
        series={shown.map((one, at) => ({ name: names[one] ?? one, colour: COLOURS[at % COLOURS.length] ?? 'first', values: (found.languages[one] ?? []).map((left) => left.coverage) }))}
        least={1}
        most={1}
        format={percent}
        label={(point) => percent(Number(point))}
        nothing={t('coverageNothing')}
      />
      <p role="status">
        {shown
          .map((one) => {
            const left = found.chosen[one];
            return left && t(left.guaranteed ? 'coverageCertain' : 'coverageObserved', { language: names[one] ?? one, bound: percent(left.bound), coverage: percent(left.coverage) });
          })
          .join(' ')}
      </p>
      <p class="faint">{t('coverageAbout')}</p>
    </div>
  );
}
