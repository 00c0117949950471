/** Fields that two administrators changed differently: one side is chosen for each. */
import { useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { useShell } from '../shell';
import type { Conflict, Path } from './content';
import { usePathName } from './names';

interface ConflictProps {
  name: string;
  conflicts: readonly Conflict[];
  onChoose(chosen: { path: Path; value: string }[]): void;
}

export function ConflictDialog({ name, conflicts, onChoose }: ConflictProps) {
  const { t } = useShell();
  const pathName = usePathName();
  const [own, setOwn] = useState<ReadonlySet<Path>>(new Set(conflicts.map((one) => one.path)));
  const choose = () => onChoose(conflicts.map(({ path, theirs, mine }) => ({ path, value: own.has(path) ? mine : theirs })));
  const pick = (path: Path, mine: boolean) => {
    const next = new Set(own);
    if (mine) next.add(path);
    else next.delete(path);
    setOwn(next);
  };
  return (
    <FormDialog title={t('conflictTitle')} action={t('conflictApply')} wide onDo={choose} onClose={choose}>
      <p>{t('conflictAbout', { name })}</p>
      {conflicts.map((one) => (
        <fieldset key={one.path}>
          <legend>{pathName(one.path.split('.'))}</legend>
          {([false, true] as const).map((mine) => (
            <label key={String(mine)} class="conflict-side">
              <span>
                <input type="radio" name={one.path} checked={own.has(one.path) === mine} onChange={() => pick(one.path, mine)} /> {t(mine ? 'conflictMine' : 'conflictTheirs')}
              </span>
              <span class="conflict-text">{mine ? one.mine : one.theirs}</span>
            </label>
          ))}
        </fieldset>
      ))}
    </FormDialog>
  );
}
