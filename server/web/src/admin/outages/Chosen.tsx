/** A field for several things out of a list: typed with suggestions, shown as chips that can be taken away. */
import { useId, useState } from 'preact/hooks';
import { CloseIcon } from '../../shared/icons';
import { useShell } from '../shell';
import type { Option } from './outagesApi';

interface ChosenProps {
  label: string;
  hint?: string;
  options: readonly Option[];
  chosen: readonly string[];
  /** Own words that are in no list; without `onOwn` only what is listed can be chosen. */
  own?: readonly string[];
  field: string;
  disabled?: boolean;
  onChosen(ids: string[]): void;
  onOwn?(words: string[]): void;
}

export function Chosen({ label, hint = '', options, chosen, own = [], field, disabled = false, onChosen, onOwn }: ChosenProps) {
  const { t, lang } = useShell();
  const id = useId();
  const [typed, setTyped] = useState('');
  const called = (option: Option) => (option.name.zh === option.name.en ? option.name.zh : `${option.name[lang]} · ${option.name[lang === 'zh' ? 'en' : 'zh']}`);
  const find = (words: string) => {
    const wanted = words.trim().toLowerCase();
    return options.find((one) => [called(one), one.name.zh, one.name.en, ...one.words].some((name) => name.toLowerCase() === wanted));
  };
  const take = (words: string): boolean => {
    const found = find(words);
    if (found) onChosen([...chosen.filter((one) => one !== found.id), found.id]);
    else if (onOwn && words.trim()) onOwn([...own.filter((one) => one !== words.trim()), words.trim()]);
    else return false;
    setTyped('');
    return true;
  };
  const chips = [
    ...chosen.map((one) => ({ key: one, name: options.find((option) => option.id === one)?.name[lang] ?? one, drop: () => onChosen(chosen.filter((other) => other !== one)) })),
    ...own.map((one) => ({ key: `own ${one}`, name: one, drop: () => onOwn?.(own.filter((other) => other !== one)) })),
  ];
  return (
    <div class="field chosen">
      <label for={id}>{label}</label>
      {chips.length > 0 && (
        <ul class="chips">
          {chips.map((chip) => (
            <li key={chip.key} class="chip">
              {chip.name}
              <button type="button" aria-label={t('outageTakeAway', { name: chip.name })} disabled={disabled} onClick={chip.drop}>
                <CloseIcon />
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        id={id}
        list={`${id}-list`}
        value={typed}
        disabled={disabled}
        autocomplete="off"
        data-path={field}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onInput={(event) => {
          const words = event.currentTarget.value;
          setTyped(words);
          // Chosen from the suggestions: there the whole name is put in at once.
          if (options.some((one) => called(one) === words)) take(words);
        }}
        onBlur={() => take(typed)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.isComposing) return;
          event.preventDefault();
          take(typed);
        }}
      />
      <datalist id={`${id}-list`}>
        {options
          .filter((one) => !chosen.includes(one.id))
          .map((one) => (
            <option key={one.id} value={called(one)} />
          ))}
      </datalist>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}
