/** A diagnosis as a small tree: what is wrong, what was found out, what it may be, what comes next. */
import type { ComponentChildren } from 'preact';
import { Bar } from './Bar';
import { byComponent } from './diagnosis';
import type { Diagnosis, Finding, Hypothesis } from './diagnosis';
import { useShell } from './shell';

/** Likelier faults first; the rest is in the decision record. */
const MOST_HYPOTHESES = 6;

function Branch({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <li>
      <span class="tree-branch">{title}</span>
      <ul>{children}</ul>
    </li>
  );
}

function Found({ finding }: { finding: Finding }) {
  const { t } = useShell();
  return (
    <li class="tree-finding">
      <span>
        {finding.what}
        {finding.bySystem && <small class="chip">{t('bySystem')}</small>}
      </span>
      {finding.outcome && <b>{finding.outcome}</b>}
    </li>
  );
}

function Faults({ faults }: { faults: readonly Hypothesis[] }) {
  return (
    <>
      {faults.map((one) => (
        <li key={one.id}>
          <Bar name={one.fault} title={one.id} value={one.probability} />
        </li>
      ))}
    </>
  );
}

export function DiagnosisTree({ diagnosis }: { diagnosis: Diagnosis }) {
  const { t } = useShell();
  const { symptom, checks, fixes, hypotheses, next, team } = diagnosis;
  return (
    <div class="tree">
      <b class="tree-root">{symptom}</b>
      <ul>
        {checks.length > 0 && (
          <Branch title={t('treeChecks')}>
            {checks.map((one, index) => (
              <Found key={index} finding={one} />
            ))}
          </Branch>
        )}
        {fixes.length > 0 && (
          <Branch title={t('treeFixes')}>
            {fixes.map((one, index) => (
              <Found key={index} finding={one} />
            ))}
          </Branch>
        )}
        {hypotheses.length > 0 && (
          <Branch title={t('treeCauses')}>
            {byComponent(hypotheses, MOST_HYPOTHESES).map((part) =>
              part.name ? (
                <Branch key={part.name} title={part.name}>
                  <Faults faults={part.faults} />
                </Branch>
              ) : (
                <Faults key="" faults={part.faults} />
              ),
            )}
          </Branch>
        )}
        {next && (
          <li class="tree-finding">
            <span class="tree-branch">{t('treeNext')}</span>
            <b>{next}</b>
          </li>
        )}
        {team && (
          <li class="tree-finding">
            <span class="tree-branch">{t('treeTeam')}</span>
            <b>{team}</b>
          </li>
        )}
      </ul>
    </div>
  );
}
