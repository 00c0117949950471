/** The editor of one draft: the picture, the list beside it, the form, and what the draft does. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Dialog } from '../../shared/Dialog';
import { useStore } from '../../shared/hooks';
import { routeTo } from '../route';
import { useShell } from '../shell';
import { AddDialog } from './AddDialog';
import { DraftClient } from './draftClient';
import { Exports } from './Exports';
import { fetchOverview, refusal } from './graphApi';
import type { Draft } from './graphApi';
import { MergeDialog } from './MergeDialog';
import { TREE_KINDS, called, scope as scopeOf, titleOf } from './model';
import type { GraphNode, Kind, Link } from './model';
import { NodeForm } from './NodeForm';
import { NodePicker } from './NodePicker';
import { linking, removal, unlinking } from './operations';
import type { Clash, Operation } from './operations';
import { Outline } from './Outline';
import { KindSign } from './KindSign';
import { Picture } from './Picture';
import type { PictureHandle } from './Picture';
import { PublishDialog } from './PublishDialog';
import { TryPanel } from './TryPanel';
import { shownField } from './values';

const LOOK_EVERY_MS = 5_000;
/** More nodes than this are shown tree by tree at first. */
const WHOLE = 250;
const PANELS = ['form', 'try', 'problems'] as const;
type Panel = (typeof PANELS)[number];
type Pane = 'list' | 'picture' | 'panel';
type Window = 'publish' | 'merge' | 'keys' | { add: Kind; about: GraphNode | null } | null;

export function Editor({ draft: first }: { draft: Draft }) {
  const { t, lang, say, fail } = useShell();
  const client = useMemo(
    () =>
      new DraftClient(first, {
        now: () => performance.now(),
        onRefused: (error) => {
          const told = refusal(error);
          fail(told ? new Error(told.text[lang]) : error);
        },
        onOthers: (by) => say(by ? t('othersChanged', { name: by }) : t('othersChangedSomething')),
      }),
    [first],
  );
  const { session, draft, link } = useStore<DraftClient['state']>(client);
  const { graph, problems } = session;
  const [selected, setSelected] = useState('');
  const [edge, setEdge] = useState<Link | null>(null);
  const [connecting, setConnecting] = useState('');
  const [scope, setScope] = useState(() => (first.graph.nodes.size > WHOLE ? ([...first.graph.nodes.values()].find((node) => node.kind === 'symptom')?.id ?? '') : ''));
  const [places, setPlaces] = useState(false);
  const [panel, setPanel] = useState<Panel>('form');
  const [pane, setPane] = useState<Pane>('picture');
  const [opened, setOpened] = useState<Window>(null);
  const [active, setActive] = useState({ version: first.base, moved: first.moved });
  const picture = useRef<PictureHandle>(null);
  const search = useRef<HTMLInputElement>(null);
  const side = useRef<HTMLElement>(null);

  useEffect(() => () => void client.flush().finally(() => client.close()), [client]);

  // Others work too: on this draft, or they publish another one.
  useEffect(() => {
    const look = async () => {
      if (document.visibilityState !== 'visible') return;
      try {
        const overview = await fetchOverview();
        const now = overview.drafts.find((one) => one.id === client.state.draft.id);
        setActive({ version: overview.active.version, moved: overview.active.version !== client.state.draft.base });
        if (now) await client.catchUp(now.revision);
      } catch {
        // The next look will tell.
      }
    };
    void look();
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [client]);

  useEffect(() => {
    const leaving = (event: BeforeUnloadEvent) => {
      if (client.state.link !== 'saved') event.preventDefault();
    };
    window.addEventListener('beforeunload', leaving);
    return () => window.removeEventListener('beforeunload', leaving);
  }, [client]);

  const ids = useMemo(() => {
    const found = scopeOf(graph.nodes, scope);
    if (places && !scope) for (const node of graph.nodes.values()) found.add(node.id);
    return found;
  }, [graph.nodes, scope, places]);
  const wrong = useMemo(() => new Set(problems.filter((problem) => problem.severity === 'error' && problem.node).map((problem) => problem.node)), [problems]);
  const symptoms = [...graph.nodes.values()].filter((node) => node.kind === 'symptom');
  const node = graph.nodes.get(selected);
  const errors = problems.filter((problem) => problem.severity === 'error').length;

  const edit = (operations: readonly Operation[]) => client.edit(operations);
  const select = (id: string) => {
    setEdge(null);
    if (connecting && id && id !== connecting) {
      const operations = linking(graph.nodes, connecting, id);
      setConnecting('');
      if (operations) {
        edit(operations);
        say(t('connected', { a: called(graph.nodes, connecting, lang), b: called(graph.nodes, id, lang) }));
      } else fail(new Error(t('notConnectable')));
      return;
    }
    setSelected(id);
    if (id) setPanel((now) => (now === 'try' ? now : 'form'));
  };
  /** To a node, wherever it is: the picture shows it. */
  const go = (id: string) => {
    setEdge(null);
    setSelected(id);
    if (!id) return;
    setPanel('form');
    setPane((now) => (now === 'list' ? 'panel' : now));
    // As it is now: the node may have been added since this was drawn.
    const { nodes } = client.state.session.graph;
    const kind = nodes.get(id)?.kind;
    if (!scopeOf(nodes, scope).has(id)) {
      setScope('');
      if (kind && !TREE_KINDS.includes(kind)) setPlaces(true);
    }
    requestAnimationFrame(() => requestAnimationFrame(() => picture.current?.show(id)));
  };
  const editNode = () => {
    setPanel('form');
    setPane('panel');
    requestAnimationFrame(() => side.current?.querySelector<HTMLElement>('.form-field input, .form-field textarea')?.focus());
  };
  /** The place that it had by itself goes first, so that undoing leads back there. */
  const move = (id: string, ...way: (readonly [number, number])[]) => edit(way.map(([x, y]) => ({ op: 'place', node: id, x, y })));
  const remove = () => {
    if (edge) {
      const from = graph.nodes.get(edge.source);
      if (from) edit(unlinking(from, edge));
      setEdge(null);
    } else if (node) {
      edit(removal(graph, node.id));
      setSelected('');
      say(t('removedNode', { name: titleOf(node)[lang] }));
    }
  };
  const onKey = (event: KeyboardEvent) => {
    const done = () => event.preventDefault();
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Enter' && node) done(), editNode();
    else if (event.key === 'Delete' || event.key === 'Backspace') done(), remove();
    else if (event.key === 'c' && node) done(), setConnecting(selected);
    else if (event.key === 'n') done(), setOpened({ add: 'fault', about: node ?? null });
    else if (event.key === '+' || event.key === '=') done(), picture.current?.zoom(1.25);
    else if (event.key === '-') done(), picture.current?.zoom(0.8);
    else if (event.key === '0') done(), picture.current?.fit();
  };

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.isComposing || document.querySelector('dialog[open]')) return;
      const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key.toLowerCase() === 'z') event.preventDefault(), event.shiftKey ? client.redo() : client.undo();
      else if (command && event.key.toLowerCase() === 'y') event.preventDefault(), client.redo();
      else if (event.key === 'Escape') setConnecting('');
      else if (!typing && !command && event.key === '/') event.preventDefault(), search.current?.focus();
      else if (!typing && !command && event.key === '?') setOpened('keys');
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [client]);

  if (link === 'gone') {
    return (
      <div class="empty">
        <p>{t('draftGone')}</p>
        <a class="button outline" href={routeTo('graph')}>
          {t('backToDrafts')}
        </a>
      </div>
    );
  }
  return (
    <div class={`editor show-${pane}`}>
      <header class="draft-bar">
        <a class="button plain" href={routeTo('graph')}>
          ‹ {t('drafts')}
        </a>
        <div class="draft-name">
          <strong>{draft.title || t('draftOf', { name: draft.authorName })}</strong>
          <small>
            {t('draftBase', { n: draft.base })} · {active.moved ? <span class="warned">{t('versionNow', { n: active.version })}</span> : t('versionNow', { n: active.version })}
          </small>
        </div>
        <span class={`link-state ${link}`} role="status">
          {t(`link_${link}`)}
        </span>
        <button type="button" class="button outline" disabled={session.undo.length === 0} title="Ctrl+Z" onClick={() => client.undo()}>
          {t('undo')}
        </button>
        <button type="button" class="button outline" disabled={session.redo.length === 0} title="Ctrl+Y" onClick={() => client.redo()}>
          {t('redo')}
        </button>
        {active.moved && (
          <button type="button" class="button outline" onClick={() => setOpened('merge')}>
            {t('merge')}
          </button>
        )}
        <button type="button" class="button solid" onClick={() => setOpened('publish')}>
          {t('publish')}
        </button>
      </header>
      <div class="tools">
        <NodePicker nodes={graph.nodes} label={t('searchNodes')} placeholder={t('searchNodesHint')} field={search} onPick={(found) => go(found.id)} />
        <label>
          <span class="hidden">{t('scope')}</span>
          <select value={scope} onChange={(event) => setScope(event.currentTarget.value)}>
            <option value="">{t('scopeAll')}</option>
            {symptoms.map((symptom) => (
              <option key={symptom.id} value={symptom.id}>
                {titleOf(symptom)[lang]}
              </option>
            ))}
          </select>
        </label>
        {!scope && (
          <label class="check-line">
            <input type="checkbox" checked={places} onChange={(event) => setPlaces(event.currentTarget.checked)} />
            {t('showPlaces')}
          </label>
        )}
        <span class="spread" />
        <button type="button" class="button outline" onClick={() => setOpened({ add: 'fault', about: node ?? null })}>
          + {t('addNode')}
        </button>
        <div class="zoom" role="group" aria-label={t('zoom')}>
          <button type="button" class="icon-button" aria-label={t('zoomOut')} onClick={() => picture.current?.zoom(0.8)}>
            −
          </button>
          <button type="button" class="icon-button" aria-label={t('zoomIn')} onClick={() => picture.current?.zoom(1.25)}>
            +
          </button>
          <button type="button" class="button plain" onClick={() => picture.current?.fit()}>
            {t('zoomFit')}
          </button>
          <button type="button" class="icon-button" aria-label={t('keys')} title={t('keys')} onClick={() => setOpened('keys')}>
            ?
          </button>
        </div>
      </div>
      <div class="panes" role="group" aria-label={t('panes')}>
        {(['list', 'picture', 'panel'] as const).map((name) => (
          <button key={name} type="button" aria-pressed={pane === name} onClick={() => setPane(name)}>
            {t(`pane_${name}`)}
          </button>
        ))}
      </div>
      <Outline nodes={graph.nodes} selected={selected} wrong={wrong} onSelect={go} onEdit={editNode} onKey={onKey} />
      <div class="stage">
        <Picture {...{ ids, selected, wrong, connecting: connecting !== '' }} nodes={graph.nodes} layout={graph.layout} scope={`${scope} ${places}`} handle={picture} onSelect={select} onEdge={(found) => (setSelected(''), setEdge(found))} onMove={move} onKey={onKey} />
        {ids.size === 0 && <p class="empty stage-empty">{t('pictureEmpty')}</p>}
        {connecting && (
          <p class="stage-note" role="status">
            {t('connectHint', { name: called(graph.nodes, connecting, lang) })}
            <button type="button" class="text-button" onClick={() => setConnecting('')}>
              {t('cancel')}
            </button>
          </p>
        )}
        {edge && (
          <p class="stage-note" role="status">
            {called(graph.nodes, edge.source, lang)} – {called(graph.nodes, edge.target, lang)}
            <button type="button" class="text-button" onClick={remove}>
              {t('removeLink')}
            </button>
          </p>
        )}
        <Legend />
      </div>
      <section class="side" ref={side}>
        <div class="tabs" role="tablist" aria-label={t('panes')}>
          {PANELS.map((name) => (
            <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={panel === name} aria-controls="side-panel" onClick={() => setPanel(name)}>
              {t(`panel_${name}`)}
              {name === 'problems' && problems.length > 0 && <span class={errors > 0 ? 'count bad' : 'count'}>{problems.length}</span>}
            </button>
          ))}
        </div>
        <div id="side-panel" class="side-panel" role="tabpanel" aria-labelledby={`tab-${panel}`} tabIndex={-1}>
          {panel === 'form' &&
            (node ? (
              <NodeForm key={node.id} {...{ graph, node, problems, edit, go }} add={(kind, about) => setOpened({ add: kind, about })} connect={() => (setConnecting(node.id), setPane('picture'))} />
            ) : (
              <div class="empty">
                <p>{t('chooseNode')}</p>
                <Exports of={`draft:${draft.id}`} />
              </div>
            ))}
          {panel === 'try' && <TryPanel draft={draft.id} graph={graph} revision={session.revision} settled={link === 'saved'} about={scope || (node?.kind === 'symptom' ? node.id : '')} go={go} />}
          {panel === 'problems' && (
            <div class="problems-panel">
              {problems.length === 0 ? (
                <p class="empty">{t(session.judged ? 'problemsNone' : 'problemsChecking')}</p>
              ) : (
                <ul class="jump-list">
                  {problems.map((problem, at) => (
                    <li key={at}>
                      <button type="button" class={problem.severity} disabled={!graph.nodes.has(problem.node)} onClick={() => jump(problem.node, String(problem.field[0] ?? ''))}>
                        <strong>
                          {graph.nodes.has(problem.node) && <KindSign kind={graph.nodes.get(problem.node)!.kind} />}
                          {problem.node ? called(graph.nodes, problem.node, lang) : t('wholeGraph')}
                        </strong>
                        <span>{problem.text[lang]}</span>
                      </button>
                    </li>
                  ))}
                </ul>
              )}
            </div>
          )}
        </div>
      </section>
      {typeof opened === 'object' && opened !== null && (
        <AddDialog
          nodes={graph.nodes}
          kind={opened.add}
          about={opened.about}
          onClose={() => setOpened(null)}
          onAdd={(operations, id) => {
            setOpened(null);
            edit(operations);
            requestAnimationFrame(() => go(id));
          }}
        />
      )}
      {opened === 'publish' && <PublishDialog client={client} errors={errors} moved={active.moved} onMerge={() => setOpened('merge')} onClose={() => setOpened(null)} />}
      {opened === 'merge' && <MergeDialog client={client} onDone={() => (setOpened(null), setActive({ version: client.state.draft.base, moved: client.state.draft.moved }))} onClose={() => setOpened(null)} />}
      {opened === 'keys' && <KeysDialog onClose={() => setOpened(null)} />}
      {session.conflict && <ConflictDialog client={client} by={session.conflict.by} found={session.conflict.clashes} />}
    </div>
  );

  function jump(id: string, field: string) {
    go(id);
    setPane('panel');
    const key = ['facets', 'reliability'].includes(field) ? 'outcomes' : field;
    setTimeout(() => {
      const place = side.current?.querySelector<HTMLElement>(`[data-field="${CSS.escape(key)}"]`) ?? side.current?.querySelector<HTMLElement>('.node-form');
      place?.scrollIntoView({ block: 'center' });
      place?.querySelector<HTMLElement>('input, textarea, select')?.focus({ preventScroll: true });
    });
  }
}

function Legend() {
  const { t } = useShell();
  return (
    <ul class="legend" aria-label={t('legend')}>
      {TREE_KINDS.map((kind) => (
        <li key={kind}>
          <KindSign kind={kind} />
          {t(`kind_${kind}`)}
        </li>
      ))}
    </ul>
  );
}

const KEYS = [
  ['/', 'keys_graph_search'], ['← ↑ ↓ →', 'keys_graph_move'], ['Enter', 'keys_graph_edit'], ['n', 'keys_graph_add'], ['c', 'keys_graph_connect'],
  ['Delete', 'keys_graph_delete'], ['Ctrl+Z', 'keys_graph_undo'], ['Ctrl+Y', 'keys_graph_redo'], ['+ − 0', 'keys_graph_zoom'], ['Esc', 'keys_graph_escape'],
] as const;

function KeysDialog({ onClose }: { onClose(): void }) {
  const { t } = useShell();
  return (
    <Dialog title={t('keys')} onClose={onClose}>
      <p>{t('keysWhere')}</p>
      <dl class="key-list">
        {KEYS.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
      <div class="dialog-buttons">
        <button type="button" class="button solid" onClick={onClose}>
          {t('closeDialog')}
        </button>
      </div>
    </Dialog>
  );
}

/** Somebody changed the same field at the same time: whose words stay? */
function ConflictDialog({ client, by, found }: { client: DraftClient; by: string; found: readonly Clash[] }) {
  const { t, lang } = useShell();
  const { nodes } = client.state.session.synced;
  const told = (operation: Operation) => (operation.op === 'set' ? shownField(nodes.get(operation.node)?.kind ?? '', operation.path, operation.value) : operation.op === 'remove' ? t('conflictRemoved') : t('conflictPut'));
  return (
    <Dialog title={t('conflict')} wide onClose={() => client.settle('theirs')}>
      <p>{t('conflictText', { name: by || t('someone') })}</p>
      <table class="stacked">
        <thead>
          <tr>
            <th scope="col">{t('conflictWhere')}</th>
            <th scope="col">{t('conflictTheirs')}</th>
            <th scope="col">{t('conflictMine')}</th>
          </tr>
        </thead>
        <tbody>
          {found.map(({ mine, theirs }, at) => (
            <tr key={at}>
              <th scope="row">
                {called(nodes, mine.op === 'put' ? mine.node.id : mine.node, lang)}
                {mine.op === 'set' && <small> {mine.path.join(' › ')}</small>}
              </th>
              <td>{told(theirs)}</td>
              <td>{told(mine)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="dialog-buttons">
        <button type="button" class="button outline" onClick={() => client.settle('theirs')}>
          {t('takeTheirs')}
        </button>
        <button type="button" class="button solid" onClick={() => client.settle('mine')}>
          {t('takeMine')}
        </button>
      </div>
    </Dialog>
  );
}
