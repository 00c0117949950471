/** One node's form, made from the description of its kind. */
import { useId, useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { isRecord, text } from '../../shared/frames';
import { useShell } from '../shell';
import { FormulaInput, Help, NodeInput, NodesInput, NumberInput, PhraseLists, RepairsInput, TextList, TextPair } from './inputs';
import type { Control } from './inputs';
import { ADDITIONS, FIELDS, outcomesOf } from './kinds';
import type { Field } from './kinds';
import { called, facetsOf, isId, linksOf, referrers, titleOf } from './model';
import type { Graph, GraphNode, Kind, Link, Nodes } from './model';
import { removal, setting } from './operations';
import type { Operation, Path } from './operations';
import { Outcomes } from './Outcomes';
import { KindSign } from './KindSign';
import { problemsAt, problemsOf } from './problems';
import type { Problem } from './problems';

interface NodeFormProps {
  graph: Graph;
  node: GraphNode;
  problems: readonly Problem[];
  edit(operations: readonly Operation[]): void;
  go(id: string): void;
  add(kind: Kind, about: GraphNode): void;
  connect(): void;
}

export function NodeForm({ graph, node, problems, edit, go, add, connect }: NodeFormProps) {
  const { t, lang } = useShell();
  const [renaming, setRenaming] = useState(false);
  const fields = FIELDS[node.kind].filter((field) => field.when?.(node.data) ?? true);
  const own = problemsOf(problems, node.id);
  const shown = new Set(fields.map((field) => field.key));
  const general = own.filter(({ field }) => !shown.has(formField(String(field[0] ?? ''))));
  const rare = fields.filter((field) => field.rare);
  const set = (path: Path, value: unknown) => edit([setting(node, path, value)]);
  const remove = () => {
    edit(removal(graph, node.id));
    go('');
  };
  const row = (field: Field) => <FieldRow key={field.key} {...{ field, node, set, go }} nodes={graph.nodes} problems={problemsAt(own, [field.key]).concat(field.key === 'outcomes' ? problemsAt(own, ['facets']) : [])} />;

  return (
    <form class="node-form" onSubmit={(event) => event.preventDefault()}>
      <header>
        <span class="kind-line">
          <KindSign kind={node.kind} />
          {t(`kind_${node.kind}`)}
          <button type="button" class="text-button id" title={t('renameHint')} onClick={() => setRenaming(true)}>
            <code>{node.id}</code>
          </button>
        </span>
        <h3>{titleOf(node)[lang]}</h3>
        <p class="faint">{t(`about_${node.kind}`)}</p>
        <div class="node-buttons">
          {ADDITIONS[node.kind].map((kind) => (
            <button type="button" class="button outline" key={kind} onClick={() => add(kind, node)}>
              + {t(`kind_${kind}`)}
            </button>
          ))}
          <button type="button" class="button outline" onClick={connect}>
            {t('connect')}
          </button>
          <button type="button" class="button plain danger" onClick={remove}>
            {t('remove')}
          </button>
        </div>
      </header>
      <ProblemList problems={general} />
      {fields.filter((field) => !field.rare).map(row)}
      {rare.length > 0 && (
        <details class="rare" open={rare.some((field) => problemsAt(own, [field.key]).length > 0)}>
          <summary>{t('moreFields')}</summary>
          {rare.map(row)}
        </details>
      )}
      <Neighbours nodes={graph.nodes} node={node} go={go} />
      {renaming && <RenameDialog nodes={graph.nodes} node={node} onClose={() => setRenaming(false)} onRename={(to) => (edit([{ op: 'rename', node: node.id, to }]), go(to))} />}
    </form>
  );
}

/** Facets and reliability are edited where the outcomes are. */
const formField = (key: string): string => (['facets', 'reliability', 'sensitivity', 'specificity', 'facet_name'].includes(key) ? 'outcomes' : key);

export function ProblemList({ problems }: { problems: readonly Problem[] }) {
  const { lang } = useShell();
  if (problems.length === 0) return null;
  return (
    <ul class="problem-list">
      {problems.map((problem, at) => (
        <li key={at} class={problem.severity}>
          {problem.text[lang]}
        </li>
      ))}
    </ul>
  );
}

interface FieldRowProps {
  field: Field;
  node: GraphNode;
  nodes: Nodes;
  problems: readonly Problem[];
  set(path: Path, value: unknown): void;
  go(id: string): void;
}

function FieldRow({ field, node, nodes, problems, set, go }: FieldRowProps) {
  const { t, texts } = useFieldTexts(node.kind, field);
  const help = useId();
  const wrong = problems.some((problem) => problem.severity === 'error');
  return (
    <section class={`form-field${wrong ? ' wrong' : ''}`} data-field={field.key} aria-label={texts.label} aria-describedby={help}>
      <h4>
        {texts.label}
        {field.required && <span class="required">{t('required')}</span>}
      </h4>
      <Help id={help}>{texts.help}</Help>
      <FieldControl {...{ field, node, nodes, set, go }} label={texts.label} help={help} />
      <ProblemList problems={problems} />
    </section>
  );
}

function useFieldTexts(kind: Kind, field: Field) {
  const { t, coded } = useShell();
  const find = (prefix: string): string => {
    const own = coded(prefix, `${kind}_${field.key}`);
    if (own !== `${kind}_${field.key}`.replace(/[_.]/g, ' ')) return own;
    const common = coded(prefix, field.key);
    return common === field.key.replace(/[_.]/g, ' ') && prefix === 'help' ? '' : common;
  };
  return { t, texts: { label: find('field'), help: find('help') } };
}

function FieldControl({ field, node, nodes, set, go, label, help }: Omit<FieldRowProps, 'problems'> & { label: string; help: string }) {
  const { t } = useShell();
  const { shape, key } = field;
  const control: Control = { label, value: node.data[key], path: [key], nodes, set, go };
  switch (shape.type) {
    case 'text':
      return <TextPair {...control} long={shape.long ?? false} />;
    case 'texts':
      return <TextList {...control} least={node.kind === 'fix' && node.data['who'] !== 'customer' ? 1 : shape.least} />;
    case 'phrases':
      return <PhraseLists {...control} />;
    case 'formula':
      return <FormulaInput {...control} />;
    case 'probability':
      return <NumberInput {...control} percent most={100} help={help} />;
    case 'number':
      return <NumberInput {...control} help={help} />;
    case 'flag':
      return (
        <label class="check-line">
          <input type="checkbox" checked={control.value === undefined ? shape.usually : control.value === true} onChange={(event) => set([key], event.currentTarget.checked)} />
          {t('yes')}
        </label>
      );
    case 'choice':
      return <ChoiceInput {...control} options={shape.options} />;
    case 'node':
      return <NodeInput {...control} kinds={shape.kinds} />;
    case 'nodes':
      return <NodesInput {...control} kinds={shape.kinds} />;
    case 'repairs':
      return <RepairsInput {...control} />;
    case 'outcomes':
      return <Outcomes node={node} nodes={nodes} set={set} go={go} />;
    case 'implies':
      return <ImpliesInput {...control} />;
    case 'word':
      return <input aria-label={label} class="code-like" spellcheck={false} value={text(control.value) ?? ''} onInput={(event) => set([key], event.currentTarget.value.trim() || null)} />;
  }
}

function ChoiceInput({ label, value, path, set, options }: Control & { options: readonly string[] }) {
  const { coded } = useShell();
  return (
    <select aria-label={label} value={text(value) ?? options[0]} onChange={(event) => set(path, event.currentTarget.value || null)}>
      {options.map((option) => (
        <option key={option} value={option}>
          {coded('option', option || 'none')}
        </option>
      ))}
    </select>
  );
}

/** Outcomes of checks that the complaint itself tells: facet by facet. */
function ImpliesInput({ label, value, path, nodes, set }: Control) {
  const { t, lang } = useShell();
  const implied = isRecord(value) ? value : {};
  const facets = [...nodes.values()].flatMap((node) => facetsOf(node).map(({ id, facet }) => ({ id, facet, name: `${called(nodes, node.id, lang)}${id === node.id ? '' : ` (${id.slice(node.id.length + 1)})`}` })));
  const option = (outcome: string, raw: unknown) => {
    const given = isRecord(raw) && isRecord(raw['label']) ? text(raw['label'][lang]) : undefined;
    return given || outcome;
  };
  return (
    <div class="stack">
      {Object.entries(implied).map(([facet, outcome]) => {
        const known = facets.find((one) => one.id === facet);
        return (
          <span class="how" key={facet}>
            <span>{known?.name ?? facet}</span>
            <select aria-label={known?.name ?? facet} value={String(outcome)} onChange={(event) => set([...path, facet], event.currentTarget.value || null)}>
              <option value="">{t('none')}</option>
              {Object.entries(known ? outcomesOf(known.facet) : {}).map(([key, raw]) => (
                <option key={key} value={key}>
                  {option(key, raw)}
                </option>
              ))}
            </select>
          </span>
        );
      })}
      <select
        aria-label={label}
        value=""
        onChange={(event) => {
          const facet = facets.find((one) => one.id === event.currentTarget.value);
          const [first] = facet ? Object.keys(outcomesOf(facet.facet)) : [];
          if (facet && first) set([...path, facet.id], first);
        }}
      >
        <option value="">{t('addMore')}</option>
        {facets
          .filter((one) => !(one.id in implied))
          .map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
      </select>
    </div>
  );
}

/** What points here, to go on from: the other end of every link. */
function Neighbours({ nodes, node, go }: { nodes: Nodes; node: GraphNode; go(id: string): void }) {
  const { t, lang, coded } = useShell();
  const group = (links: readonly Link[], end: 'source' | 'target') =>
    links.map((link) => (
      <li class="name" key={`${link.role} ${link[end]}`}>
        <small>{coded(end === 'source' ? 'from' : 'to', link.role.replace(/[ -]/g, '_'))}</small>
        <button type="button" class="name-link" onClick={() => go(link[end])}>
          {called(nodes, link[end], lang)}
        </button>
      </li>
    ));
  const [from, to] = [referrers(nodes, node.id), linksOf(node).filter((link) => nodes.has(link.target))];
  if (from.length + to.length === 0) return null;
  return (
    <section class="form-field">
      <h4>{t('neighbours')}</h4>
      <ul class="names rows">
        {group(from, 'source')}
        {group(to, 'target')}
      </ul>
    </section>
  );
}

function RenameDialog({ nodes, node, onRename, onClose }: { nodes: Nodes; node: GraphNode; onRename(to: string): void; onClose(): void }) {
  const { t } = useShell();
  const [to, setTo] = useState(node.id);
  const fits = isId(to) && (to === node.id || !nodes.has(to));
  return (
    <FormDialog
      title={t('rename')}
      action={t('save')}
      ready={fits}
      onDo={() => {
        onClose();
        if (to !== node.id) onRename(to);
      }}
      onClose={onClose}
    >
      <label class="field">
        {t('identifier')}
        <input value={to} spellcheck={false} autocapitalize="none" onInput={(event) => setTo(event.currentTarget.value.trim())} />
        <small>{fits ? t('renameHint') : t('idTaken')}</small>
      </label>
    </FormDialog>
  );
}
