/** The controls of the forms: one for every type of field. */
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Json, Lang } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { CloseIcon } from '../../shared/icons';
import { useShell } from '../shell';
import { asList, events, fromList } from './formula';
import { called } from './model';
import type { Kind, Nodes } from './model';
import { NodePicker } from './NodePicker';
import type { Path } from './operations';

/** What every control gets: its label, its value, where that stands, and what changes it. */
export interface Control {
  label: string;
  value: unknown;
  path: Path;
  nodes: Nodes;
  set(path: Path, value: unknown): void;
  go(id: string): void;
}

const LANGS: readonly Lang[] = ['zh', 'en'];

export function Help({ id, children }: { id?: string; children: ComponentChildren }) {
  return children ? <small id={id}>{children}</small> : null;
}

/** One text, both languages side by side. */
export function TextPair({ label, value, path, set, long = false }: Control & { long?: boolean }) {
  const { t } = useShell();
  const texts: Json = isRecord(value) ? value : {};
  return (
    <div class="pair">
      {LANGS.map((lang) => {
        const shared = {
          lang: lang === 'zh' ? 'zh-CN' : 'en',
          'aria-label': `${label} · ${t(lang === 'zh' ? 'chinese' : 'english')}`,
          value: text(texts[lang]) ?? '',
          placeholder: t(lang === 'zh' ? 'chinese' : 'english'),
          'data-path': [...path, lang].join('.'),
        };
        const write = (event: Event & { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => set([...path, lang], event.currentTarget.value);
        return long ? <textarea key={lang} rows={3} {...shared} onInput={write} /> : <input key={lang} {...shared} onInput={write} />;
      })}
    </div>
  );
}

/** Several wordings, each in both languages. */
export function TextList({ label, value, path, nodes, set, go, least }: Control & { least: number }) {
  const { t } = useShell();
  const wordings = list(value);
  const rows = wordings.length >= least ? wordings : [...wordings, ...Array<unknown>(least - wordings.length).fill({})];
  return (
    <div class="stack">
      {rows.map((wording, index) => (
        <div class="wording" key={index}>
          <TextPair
            label={`${label} ${index + 1}`}
            value={wording}
            path={[...path, index]}
            nodes={nodes}
            go={go}
            // A wording that is not there yet comes with those before it.
            set={(place, written) => (index < wordings.length ? set(place, written) : set(path, [...wordings, { zh: '', en: '', [String(place.at(-1))]: written }]))}
            long
          />
          {rows.length > least && (
            <button type="button" class="icon-button small" aria-label={t('removeWording', { n: index + 1 })} onClick={() => set(path, wordings.filter((_, other) => other !== index))}>
              <CloseIcon />
            </button>
          )}
        </div>
      ))}
      <button type="button" class="text-button" onClick={() => set(path, [...wordings, { zh: '', en: '' }])}>
        {t('addWording')}
      </button>
    </div>
  );
}

const lines = (value: string): string[] => value.split('\n').map((line) => line.trim()).filter(Boolean);

/** What customers say: a line each, a list for each language. */
export function PhraseLists({ label, value, path, set }: Control) {
  const { t } = useShell();
  const lists: Json = isRecord(value) ? value : {};
  return (
    <div class="pair">
      {LANGS.map((lang) => (
        <Lines
          key={lang}
          label={`${label} · ${t(lang === 'zh' ? 'chinese' : 'english')}`}
          lang={lang}
          value={list(lists[lang]).filter((one) => typeof one === 'string')}
          onChange={(written) => set(path, { zh: [], en: [], ...lists, [lang]: written })}
        />
      ))}
    </div>
  );
}

function Lines({ label, lang, value, onChange }: { label: string; lang: Lang; value: readonly string[]; onChange(lines: string[]): void }) {
  const { t } = useShell();
  /** As it is typed: an empty line at the end is no phrase yet. */
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <textarea
      rows={4}
      lang={lang === 'zh' ? 'zh-CN' : 'en'}
      aria-label={label}
      placeholder={t('onePerLine', { language: t(lang === 'zh' ? 'chinese' : 'english') })}
      value={typed ?? value.join('\n')}
      onInput={(event) => (setTyped(event.currentTarget.value), onChange(lines(event.currentTarget.value)))}
      onBlur={() => setTyped(null)}
    />
  );
}

const SHOWN_DIGITS = 6;

/** A number; probabilities are shown in percent. What is no number stays in the field and changes nothing. */
export function NumberInput({ label, value, path, set, percent = false, least = 0, most = Infinity, help }: Control & { percent?: boolean; least?: number; most?: number; help?: string }) {
  const [typed, setTyped] = useState<string | null>(null);
  const known = number(value);
  const scale = percent ? 100 : 1;
  const shown = known === undefined ? '' : String(Number((known * scale).toPrecision(SHOWN_DIGITS)));
  const read = (words: string): number | null | undefined => {
    if (!words.trim()) return null;
    const given = Number(words.replace(',', '.').replace('%', ''));
    return Number.isFinite(given) && given >= least && given <= most ? Number((given / scale).toPrecision(SHOWN_DIGITS + 2)) : undefined;
  };
  return (
    <span class="number-field">
      <input
        inputmode="decimal"
        aria-label={label}
        aria-describedby={help}
        aria-invalid={typed !== null && read(typed) === undefined}
        value={typed ?? shown}
        data-path={path.join('.')}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          const given = read(event.currentTarget.value);
          if (given !== undefined) set(path, given);
        }}
        onBlur={() => setTyped(null)}
      />
      {percent && <span aria-hidden="true">%</span>}
    </span>
  );
}

/** One node, by its name. */
export function NodeInput({ label, value, path, nodes, set, go, kinds }: Control & { kinds: readonly Kind[] }) {
  const { t, lang } = useShell();
  const id = text(value) ?? '';
  if (!id) return <NodePicker nodes={nodes} kinds={kinds} label={label} placeholder={t('choose')} onPick={(node) => set(path, node.id)} />;
  return (
    <ul class="names">
      <Name id={id} name={called(nodes, id, lang)} known={nodes.has(id)} go={go} onRemove={() => set(path, null)} />
    </ul>
  );
}

export function NodesInput({ label, value, path, nodes, set, go, kinds }: Control & { kinds: readonly Kind[] }) {
  const { t, lang } = useShell();
  const ids = list(value).filter((one): one is string => typeof one === 'string');
  return (
    <>
      <ul class="names">
        {ids.map((id) => (
          <Name key={id} id={id} name={called(nodes, id, lang)} known={nodes.has(id)} go={go} onRemove={() => set(path, ids.filter((other) => other !== id))} />
        ))}
      </ul>
      <NodePicker nodes={nodes} kinds={kinds} without={ids} label={label} placeholder={t('addMore')} onPick={(node) => set(path, [...ids, node.id])} />
    </>
  );
}

export function Name({ id, name, known, go, onRemove, children }: { id: string; name: string; known: boolean; go(id: string): void; onRemove(): void; children?: ComponentChildren }) {
  const { t } = useShell();
  return (
    <li class={known ? 'name' : 'name unknown'}>
      <button type="button" class="name-link" disabled={!known} title={id} onClick={() => go(id)}>
        {name}
      </button>
      {children}
      <button type="button" class="icon-button small" aria-label={t('takeAway', { name })} onClick={onRemove}>
        <CloseIcon />
      </button>
    </li>
  );
}

const CAUSES: readonly Kind[] = ['fault', 'gate'];

/** Causes as a list to choose from; as a formula where they are more than a list, or on wish. */
export function FormulaInput({ label, value, path, nodes, set, go }: Control) {
  const { t, lang } = useShell();
  const formula = text(value) ?? '';
  const [written, setWritten] = useState(false);
  const plain = asList(formula);
  const help = useId();
  if (plain === null || written) {
    return (
      <div class="stack">
        <textarea class="code-like" rows={2} spellcheck={false} aria-label={label} aria-describedby={help} value={formula} data-path={path.join('.')} onInput={(event) => set(path, event.currentTarget.value)} />
        <Help id={help}>{t('formulaHelp')}</Help>
        <ul class="names">
          {events(formula).map((id) => (
            <li class={nodes.has(id) ? 'name' : 'name unknown'} key={id}>
              <button type="button" class="name-link" disabled={!nodes.has(id)} onClick={() => go(id)}>
                {called(nodes, id, lang)}
              </button>
              <code>{id}</code>
            </li>
          ))}
        </ul>
        {plain !== null && (
          <button type="button" class="text-button" onClick={() => setWritten(false)}>
            {t('asList')}
          </button>
        )}
      </div>
    );
  }
  const { how, low, names } = plain;
  return (
    <div class="stack">
      {names.length > 1 && (
        <span class="how">
          <select aria-label={t('howMany')} value={how} onChange={(event) => set(path, fromList({ ...plain, how: event.currentTarget.value as typeof how, low: 2 }))}>
            <option value="any">{t('how_any')}</option>
            <option value="all">{t('how_all')}</option>
            <option value="least">{t('how_least')}</option>
          </select>
          {how === 'least' && (
            <input type="number" min={1} max={names.length} aria-label={t('how_least')} value={low} onInput={(event) => event.currentTarget.value && set(path, fromList({ ...plain, low: Number(event.currentTarget.value) }))} />
          )}
        </span>
      )}
      <ul class="names">
        {names.map((id) => (
          <Name key={id} id={id} name={called(nodes, id, lang)} known={nodes.has(id)} go={go} onRemove={() => set(path, fromList({ ...plain, names: names.filter((other) => other !== id) }))} />
        ))}
      </ul>
      <NodePicker nodes={nodes} kinds={CAUSES} without={names} label={label} placeholder={t('addCause')} onPick={(node) => set(path, fromList({ ...plain, names: [...names, node.id] }))} />
      <button type="button" class="text-button" onClick={() => setWritten(true)}>
        {t('asFormula')}
      </button>
    </div>
  );
}

/** Faults with the probability that this fix removes each. */
export function RepairsInput({ label, value, path, nodes, set, go }: Control) {
  const { t, lang } = useShell();
  const repairs: Json = isRecord(value) ? value : {};
  const ids = Object.keys(repairs);
  return (
    <>
      <ul class="names rows">
        {ids.map((id) => (
          <Name key={id} id={id} name={called(nodes, id, lang)} known={nodes.has(id)} go={go} onRemove={() => set([...path, id], null)}>
            <NumberInput label={t('successOf', { name: called(nodes, id, lang) })} value={repairs[id]} path={[...path, id]} nodes={nodes} set={(place, given) => given !== null && set(place, given)} go={go} percent most={100} />
          </Name>
        ))}
      </ul>
      <NodePicker nodes={nodes} kinds={['fault']} without={ids} label={label} placeholder={t('addFault')} onPick={(node) => set([...path, node.id], 0.9)} />
    </>
  );
}
