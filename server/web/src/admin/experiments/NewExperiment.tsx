/** The window that begins an experiment: what is tried, on whom, what decides, and how long that will take. */
import { useEffect, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import type { Localised } from '../../shared/rest';
import { useLoad, Waiting } from '../load';
import { refusal } from '../settings/settingsApi';
import { useShell } from '../shell';
import { KINDS, METRICS, beginExperiment, fetchPlan, fetchTargets } from './experimentsApi';
import type { Kind, Metric, Plan, Targets } from './experimentsApi';

const TYPING_MS = 300;
const PROMPT = 'answer';

interface Ends {
  onDone(): void;
  onClose(): void;
}

export function NewExperimentDialog(ends: Ends) {
  const targets = useLoad(fetchTargets, []);
  return <Waiting of={targets}>{(found) => <Form targets={found} {...ends} />}</Waiting>;
}

function Form({ targets, onDone, onClose }: Ends & { targets: Targets }) {
  const { t, lang, fail } = useShell();
  const [name, setName] = useState('');
  const [kind, setKind] = useState<Kind>('greeting');
  const [target, setTarget] = useState('');
  const [texts, setTexts] = useState<Localised>({ zh: '', en: '' });
  const [shift, setShift] = useState('-0.05');
  const [share, setShare] = useState('50');
  const [metric, setMetric] = useState<Metric>('handled');
  const [effect, setEffect] = useState('5');
  const [plan, setPlan] = useState<Plan | null>(null);
  const [problem, setProblem] = useState('');

  const timed = metric === 'answer_time';
  const size = timed ? Number(effect) : Number(effect) / 100;
  const part = Number(share) / 100;
  const sensible = size > 0 && size <= 60 && part > 0 && part <= 1;

  useEffect(() => {
    if (!sensible) {
      setPlan(null);
      return;
    }
    let current = true;
    const timer = setTimeout(() => fetchPlan(metric, size, part).then((found) => current && setPlan(found), fail), TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [metric, effect, share]);

  const original: Localised | undefined =
    kind === 'greeting' ? targets.greeting : kind === 'prompt' ? (targets.prompt ?? undefined) : kind === 'text' ? targets.texts.find((one) => one.key === target)?.text : targets.intents.find((one) => one.name === target)?.text;
  const choose = (next: Kind, chosen = '') => {
    setKind(next);
    const first = next === 'text' ? (targets.texts[0]?.key ?? '') : next === 'say' ? (targets.intents[0]?.name ?? '') : next === 'prompt' ? PROMPT : '';
    setTarget(chosen || first);
    setTexts({ zh: '', en: '' });
  };
  const begin = async () => {
    try {
      const variant = kind === 'threshold' ? { shift: Number(shift) } : { texts: { ...texts } };
      await beginExperiment({ name: name.trim(), kind, target, variant, share: part, metric, effect: size });
      onDone();
    } catch (error) {
      const told = refusal(error);
      if (told) setProblem(told.text[lang]);
      else (onClose(), fail(error));
    }
  };

  return (
    <FormDialog title={t('experimentNew')} action={t('experimentBegin')} wide ready={name.trim() !== '' && sensible} onDo={begin} onClose={onClose}>
      <div class="form-grid">
        <label class="field">
          {t('experimentName')}
          <input name="name" value={name} maxLength={200} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <div class="side-by-side">
          <label class="field">
            {t('experimentKind')}
            <select name="kind" value={kind} onChange={(event) => choose(KINDS.find((one) => one === event.currentTarget.value) ?? 'greeting')}>
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {t(`kind_${one}`)}
                </option>
              ))}
            </select>
          </label>
          {kind === 'text' && (
            <label class="field">
              {t('experimentWhich')}
              <select name="target" value={target} onChange={(event) => choose('text', event.currentTarget.value)}>
                {targets.texts.map((one) => (
                  <option key={one.key} value={one.key}>
                    {one.key} · {one.text[lang].slice(0, 60)}
                  </option>
                ))}
              </select>
            </label>
          )}
          {kind === 'say' && (
            <label class="field">
              {t('experimentWhich')}
              <select name="target" value={target} onChange={(event) => choose('say', event.currentTarget.value)}>
                {targets.intents.map((one) => (
                  <option key={one.name} value={one.name}>
                    {one.label[lang]}
                  </option>
                ))}
              </select>
            </label>
          )}
          {kind === 'prompt' && <p class="faint">{t(targets.prompt ? 'experimentPromptHint' : 'experimentPromptNone')}</p>}
          {kind === 'threshold' && (
            <label class="field">
              {t('experimentShift')}
              <input name="shift" type="number" step="0.01" min={-0.2} max={0.2} value={shift} onInput={(event) => setShift(event.currentTarget.value)} />
              <small>{t('experimentShiftHint')}</small>
            </label>
          )}
        </div>
        {kind !== 'threshold' && (
          <div class="side-by-side">
            {(['zh', 'en'] as const).map((language) => (
              <label class="field" key={language}>
                B · {t(language === 'zh' ? 'chinese' : 'english')}
                <textarea rows={4} name={`texts.${language}`} lang={language === 'zh' ? 'zh-CN' : 'en'} value={texts[language]} maxLength={1000} onInput={(event) => setTexts({ ...texts, [language]: event.currentTarget.value })} />
                {original && <small lang={language === 'zh' ? 'zh-CN' : 'en'}>A · {original[language]}</small>}
              </label>
            ))}
          </div>
        )}
        <div class="experiment-numbers">
          <label class="field">
            {t('experimentShareOf')}
            <span class="with-unit">
              <input name="share" type="number" min={1} max={100} value={share} onInput={(event) => setShare(event.currentTarget.value)} />%
            </span>
          </label>
          <label class="field">
            {t('experimentMetric')}
            <select name="metric" value={metric} onChange={(event) => setMetric(METRICS.find((one) => one === event.currentTarget.value) ?? 'handled')}>
              {METRICS.map((one) => (
                <option key={one} value={one}>
                  {t(`metric_${one}`)}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            {t('experimentEffect')}
            <span class="with-unit">
              <input name="effect" type="number" min={0} step="any" value={effect} onInput={(event) => setEffect(event.currentTarget.value)} />
              {t(timed ? 'secondsUnit' : 'pointsUnit')}
            </span>
          </label>
        </div>
        <p class="plan" role="status">
          {plan && (plan.days === null ? t('planUnknown', { units: plan.units }) : t('planKnown', { units: plan.units, days: plan.days, daily: plan.daily }))}
        </p>
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
      </div>
    </FormDialog>
  );
}
