/** The controls of the form of settings. */
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Json } from '../../shared/frames';
import { isRecord, list, text } from '../../shared/frames';
import { useShell } from '../shell';
import { lines, problemsAt, read } from './document';
import type { Path, Problem } from './settingsApi';

export interface Form {
  document: Json;
  problems: readonly Problem[];
  /** The languages of the company as they are chosen now. */
  languages: readonly string[];
  set(path: Path, value: unknown): void;
}

interface FieldProps {
  form: Form;
  path: Path;
  label: string;
  hint?: string;
}

export function Faults({ form, path, deep = false, id }: { form: Form; path: Path; deep?: boolean; id?: string }) {
  const { lang } = useShell();
  const found = problemsAt(form.problems, path, deep);
  return found.length ? (
    <small class="problem" id={id} role="alert">
      {[...new Set(found.map((one) => one.text[lang]))].join(' ')}
    </small>
  ) : null;
}

function Labelled({ form, path, label, hint, children }: FieldProps & { children(shared: Json): ComponentChildren }) {
  const id = useId();
  const faulty = problemsAt(form.problems, path, true).length > 0;
  return (
    <label class="field">
      {label}
      {children({ name: path.join('.'), 'aria-invalid': faulty, 'aria-describedby': faulty ? id : undefined })}
      {hint && <small>{hint}</small>}
      <Faults form={form} path={path} deep id={id} />
    </label>
  );
}

export function TextField(props: FieldProps & { long?: boolean; lang?: string; most?: number }) {
  const { form, path, long, lang, most } = props;
  const value = text(read(form.document, path)) ?? '';
  const more = { value, maxLength: most, lang: lang === 'zh' ? 'zh-CN' : lang };
  return (
    <Labelled {...props}>
      {(shared) =>
        long ? (
          <textarea rows={4} {...shared} {...more} onInput={(event) => form.set(path, event.currentTarget.value)} />
        ) : (
          <input {...shared} {...more} autocomplete="off" onInput={(event) => form.set(path, event.currentTarget.value)} />
        )
      }
    </Labelled>
  );
}

/** One text in every language of the company, side by side. */
export function TextPair({ form, path, label, long = false, most }: FieldProps & { long?: boolean; most: number }) {
  const { t } = useShell();
  const names: Record<string, string> = { zh: t('chinese'), en: t('english') };
  return (
    <div class="side-by-side">
      {form.languages.map((lang) => (
        <TextField key={lang} form={form} path={[...path, lang]} label={`${label} · ${names[lang] ?? lang}`} long={long} lang={lang} most={most} />
      ))}
    </div>
  );
}

export function NumberField(props: FieldProps & { low: number; high: number; percent?: boolean; unit?: string }) {
  const { form, path, low, high, percent = false, unit } = props;
  const { t } = useShell();
  const value = read(form.document, path);
  const [typed, setTyped] = useState<string | null>(null);
  const factor = percent ? 100 : 1;
  const shown = typeof value === 'number' ? String(Number((value * factor).toPrecision(10))) : '';
  return (
    <Labelled {...props}>
      {(shared) => (
        <span class="with-unit">
          <input
            type="number"
            step="any"
            min={low * factor}
            max={high * factor}
            {...shared}
            value={typed ?? shown}
            onInput={(event) => {
              const entered = event.currentTarget.value;
              setTyped(entered);
              // What is no number is told by the server, at this field.
              form.set(path, entered === '' || Number.isNaN(Number(entered)) ? entered : Number((Number(entered) / factor).toPrecision(12)));
            }}
            onBlur={() => setTyped(null)}
          />
          <span aria-hidden="true">{percent ? '%' : (unit ?? '')}</span>
          {percent && <span class="hidden">{t('percentUnit')}</span>}
        </span>
      )}
    </Labelled>
  );
}

/** A list, one entry a line, as it is typed. */
export function LinesField(props: FieldProps & { rows?: number; placeholder?: string }) {
  const { form, path, rows = 3, placeholder } = props;
  const value = list(read(form.document, path)).filter((one) => typeof one === 'string');
  const [typed, setTyped] = useState(value.join('\n'));
  const shown = lines(typed).join('\n') === value.join('\n') ? typed : value.join('\n');
  return (
    <Labelled {...props}>
      {(shared) => (
        <textarea
          rows={rows}
          {...shared}
          value={shown}
          placeholder={placeholder}
          spellcheck={false}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            form.set(path, lines(event.currentTarget.value));
          }}
        />
      )}
    </Labelled>
  );
}

/** Some of a set of choices. */
export function Choices({ form, path, label, options, hint }: FieldProps & { options: readonly { value: string; label: string }[] }) {
  const chosen = list(read(form.document, path));
  const toggle = (value: string, on: boolean) => form.set(path, options.map((one) => one.value).filter((one) => (one === value ? on : chosen.includes(one))));
  return (
    <fieldset class="choices">
      <legend>{label}</legend>
      {options.map((one) => (
        <label key={one.value}>
          <input type="checkbox" name={`${path.join('.')}.${one.value}`} checked={chosen.includes(one.value)} onChange={(event) => toggle(one.value, event.currentTarget.checked)} />
          {one.label}
        </label>
      ))}
      {hint && <small>{hint}</small>}
      <Faults form={form} path={path} />
    </fieldset>
  );
}

export const recordAt = (form: Form, path: Path): Json => {
  const found = read(form.document, path);
  return isRecord(found) ? found : {};
};
