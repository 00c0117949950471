/** The fault tree as a picture, drawn by Cytoscape.js: pan, zoom, move, choose. */
import cytoscape from 'cytoscape';
import type { Core, EdgeSingular, ElementDefinition, NodeSingular, StylesheetJson } from 'cytoscape';
import type { Ref } from 'preact';
import { useEffect, useImperativeHandle, useMemo, useRef, useState } from 'preact/hooks';
import type { Lang } from '../../shared/frames';
import { useShell } from '../shell';
import { NODE_HEIGHT, NODE_WIDTH, layOut } from './layout';
import { linksOf, titleOf } from './model';
import type { Kind, Layout, Link, Nodes } from './model';

/** Kinds differ by shape and by colour: ink and ground, in light and in dark. */
const LOOKS: Readonly<Record<Kind, { shape: string; points?: string; light: readonly [string, string]; dark: readonly [string, string] }>> = {
  symptom: { shape: 'polygon', points: '-1 0 -0.88 -1 0.88 -1 1 0 0.88 1 -0.88 1', light: ['#a3271c', '#fdecea'], dark: ['#ff9a91', '#43211e'] },
  gate: { shape: 'polygon', points: '-1 -1 0.86 -1 1 1 -0.86 1', light: ['#6a3fb0', '#f2ecfb'], dark: ['#c9adff', '#2f2545'] },
  fault: { shape: 'ellipse', light: ['#8a4b00', '#fff3df'], dark: ['#ffc876', '#3a2d17'] },
  check: { shape: 'polygon', points: '-1 -1 0.84 -1 1 0 0.84 1 -1 1', light: ['#14599c', '#e8f2fc'], dark: ['#8fc4ff', '#1b2f44'] },
  fix: { shape: 'cut-rectangle', light: ['#0f6e56', '#e6f5ef'], dark: ['#6fcfb0', '#18352c'] },
  product: { shape: 'rectangle', light: ['#46535c', '#eef1f3'], dark: ['#b9c6cf', '#262d31'] },
  component: { shape: 'round-rectangle', light: ['#46535c', '#f5f7f8'], dark: ['#b9c6cf', '#20272a'] },
  skill: { shape: 'octagon', light: ['#46535c', '#f5f7f8'], dark: ['#b9c6cf', '#20272a'] },
  document: { shape: 'bottom-round-rectangle', light: ['#46535c', '#f5f7f8'], dark: ['#b9c6cf', '#20272a'] },
};

/** Where there are more nodes than this, a moving picture is drawn from one texture, without its edges. */
const LARGE = 400;
/** The picture never becomes larger than this by itself. */
const FIT_ZOOM = 1.1;
const FIT_PADDING = 36;
/** Below this zoom names cannot be read. */
const READABLE = 0.4;
const DARK = matchMedia('(prefers-color-scheme: dark)');
const STILL = matchMedia('(prefers-reduced-motion: reduce)');

function stylesheet(dark: boolean, lang: Lang, font: string, large: boolean): StylesheetJson {
  const [text, faint, ground, mark, bad] = dark ? ['#edf2ef', '#6f7f78', '#141817', '#6fcfb0', '#ff9a91'] : ['#17201d', '#93a19a', '#ffffff', '#0f6e56', '#b3261e'];
  return [
    {
      selector: 'node',
      style: {
        width: NODE_WIDTH,
        height: NODE_HEIGHT,
        label: 'data(label)',
        'font-family': font,
        'font-size': 16,
        color: text,
        'text-valign': 'center',
        'text-halign': 'center',
        'text-wrap': 'wrap',
        'text-overflow-wrap': lang === 'zh' ? 'anywhere' : 'whitespace',
        'line-height': 1.1,
        'text-max-width': `${NODE_WIDTH - 30}px`,
        'min-zoomed-font-size': 5,
        'border-width': 1.6,
        'background-color': ground,
      },
    },
    ...(Object.keys(LOOKS) as Kind[]).map((kind) => {
      const { shape, points } = LOOKS[kind];
      const [ink, fill] = LOOKS[kind][dark ? 'dark' : 'light'];
      return { selector: `node.${kind}`, style: { shape, ...(points ? { 'shape-polygon-points': points } : {}), 'background-color': fill, 'border-color': ink } };
    }),
    { selector: 'node.symptom', style: { 'font-weight': 'bold' } },
    { selector: 'edge', style: { width: 1.4, 'line-color': faint, 'curve-style': 'haystack', 'haystack-radius': 0, opacity: 0.75 } },
    { selector: 'edge.shows', style: { 'line-style': 'dashed', 'line-color': LOOKS.check[dark ? 'dark' : 'light'][0], opacity: 0.5 } },
    { selector: 'edge.repairs', style: { 'line-color': LOOKS.fix[dark ? 'dark' : 'light'][0], opacity: 0.5 } },
    { selector: 'edge.other', style: { 'line-style': 'dotted' } },
    // Thousands of dashes that shine through take most of the time that a frame has.
    ...(large ? [{ selector: 'edge', style: { 'line-style': 'solid', opacity: 1, width: 1 } }] : []),
    { selector: 'node.wrong', style: { 'border-color': bad, 'border-width': 3.5, 'border-style': 'dashed' } },
    { selector: 'edge.near', style: { opacity: 1, width: 2.4 } },
    { selector: ':selected', style: { 'border-color': mark, 'border-width': 4, 'border-style': 'solid', 'overlay-color': mark, 'overlay-opacity': 0.1, 'overlay-padding': 5, 'line-color': mark, width: NODE_WIDTH } },
    { selector: 'edge:selected', style: { width: 4, opacity: 1 } },
    { selector: 'node:selected', style: { width: NODE_WIDTH } },
  ] as StylesheetJson;
}

type Place = readonly [x: number, y: number];

export interface PictureHandle {
  fit(): void;
  zoom(factor: number): void;
  show(id: string): void;
  focus(): void;
}

interface PictureProps {
  nodes: Nodes;
  ids: ReadonlySet<string>;
  layout: Layout;
  selected: string;
  wrong: ReadonlySet<string>;
  handle: Ref<PictureHandle>;
  /** A new scope is shown as a whole. */
  scope: string;
  connecting: boolean;
  onSelect(id: string): void;
  onEdge(link: Link | null): void;
  onMove(id: string, from: Place, to: Place): void;
  onKey(event: KeyboardEvent): void;
}

const edgeId = (link: Link): string => `${link.source}\n${link.role}\n${link.target}`;
const edgeClass = (link: Link): string =>
  link.role === 'shows' || link.role === 'repairs' ? link.role : link.role === 'caused by' || link.role === 'input' ? 'cause' : 'other';

export function Picture(props: PictureProps) {
  const { t, lang } = useShell();
  const { nodes, ids, layout, selected, wrong, scope, connecting } = props;
  const box = useRef<HTMLDivElement>(null);
  const [made, setCore] = useState<Core | null>(null);
  // One that is being replaced is gone before the next is known.
  const core = made?.destroyed() ? null : made;
  const latest = useRef(props);
  latest.current = props;

  const linked = useMemo(() => [...ids].flatMap((id) => (nodes.get(id) ? linksOf(nodes.get(id)!).filter((link) => ids.has(link.target)) : [])), [nodes, ids]);
  /** Places follow the structure, not every letter that is typed. */
  const shape = `${[...ids].map((id) => `${id}:${nodes.get(id)?.kind}`).join('\n')}|${linked.map(edgeId).join('\n')}`;
  const places = useMemo(() => layOut(nodes, ids, layout), [shape, layout]);
  const large = ids.size > LARGE;

  useEffect(() => {
    const container = box.current;
    if (!container) return;
    const font = getComputedStyle(container).fontFamily;
    const cy = cytoscape({
      container,
      style: stylesheet(DARK.matches, lang, font, large),
      layout: { name: 'preset' },
      minZoom: 0.03,
      maxZoom: 2.5,
      boxSelectionEnabled: false,
      selectionType: 'single',
      textureOnViewport: large,
      hideEdgesOnViewport: large,
      ...(large ? { pixelRatio: 1 } : {}),
    });
    cy.on('tap', 'node', (event) => latest.current.onSelect((event.target as NodeSingular).id()));
    cy.on('tap', 'edge', (event) => latest.current.onEdge((event.target as EdgeSingular).data('link') as Link));
    cy.on('tap', (event) => {
      if ((event.target as unknown) === cy) latest.current.onSelect('');
    });
    const placeOf = (node: NodeSingular): Place => [Math.round(node.position('x')), Math.round(node.position('y'))];
    let grabbed: Place = [0, 0];
    cy.on('grab', 'node', (event) => (grabbed = placeOf(event.target as NodeSingular)));
    cy.on('dragfree', 'node', (event) => {
      const node = event.target as NodeSingular;
      latest.current.onMove(node.id(), grabbed, placeOf(node));
    });
    const recolour = () => cy.style(stylesheet(DARK.matches, lang, font, large));
    DARK.addEventListener('change', recolour);
    const resized = new ResizeObserver(() => cy.resize());
    resized.observe(container);
    setCore(cy);
    return () => {
      DARK.removeEventListener('change', recolour);
      resized.disconnect();
      cy.destroy();
    };
  }, [large, lang]);

  const fit = (cy: Core) => {
    cy.fit(undefined, FIT_PADDING);
    if (cy.zoom() > FIT_ZOOM) {
      cy.zoom(FIT_ZOOM);
      cy.center();
    }
  };

  // What has changed is changed; what stays keeps its place on the screen.
  useEffect(() => {
    if (!core || core.destroyed()) return;
    core.batch(() => {
      const edges = new Map(linked.map((link) => [edgeId(link), link]));
      core
        .elements()
        .filter((element) => !(element.isNode() ? ids : edges).has(element.id()))
        .remove();
      const added: ElementDefinition[] = [];
      for (const id of ids) {
        const node = nodes.get(id);
        const [x, y] = places[id] ?? [0, 0];
        if (!node) continue;
        const label = titleOf(node)[lang];
        const classes = wrong.has(id) ? `${node.kind} wrong` : node.kind;
        const there = core.getElementById(id);
        if (there.empty()) added.push({ group: 'nodes', data: { id, label }, position: { x, y }, classes });
        else {
          if (there.data('label') !== label) there.data('label', label);
          if (there.classes().join(' ') !== classes) there.classes(classes);
          const at = there.position();
          if ((at.x !== x || at.y !== y) && !there.grabbed()) there.position({ x, y });
        }
      }
      for (const [id, link] of edges) {
        if (core.getElementById(id).empty()) added.push({ group: 'edges', data: { id, source: link.source, target: link.target, link }, classes: edgeClass(link) });
      }
      core.add(added);
    });
    // For whoever measures: how many nodes the last frame showed.
    core.one('render', () => (core.container()!.dataset['drawn'] = String(core.nodes().length)));
  }, [core, nodes, linked, places, wrong, lang]);

  useEffect(() => {
    if (core && !core.destroyed()) fit(core);
  }, [core, scope]);

  useEffect(() => {
    if (!core || core.destroyed()) return;
    core.batch(() => {
      core.$(':selected').unselect();
      core.edges('.near').removeClass('near');
      const node = core.getElementById(selected);
      node.select();
      node.connectedEdges().addClass('near');
    });
  }, [core, selected, linked]);

  useImperativeHandle(
    props.handle,
    () => ({
      fit: () => core && fit(core),
      zoom: (factor) => core?.zoom({ level: core.zoom() * factor, renderedPosition: { x: core.width() / 2, y: core.height() / 2 } }),
      show: (id) => {
        const node = core?.getElementById(id);
        if (!core || !node || node.empty()) return;
        // What can be seen and read already stays where it is.
        const { x1, y1, x2, y2 } = node.renderedBoundingBox({});
        if (core.zoom() >= READABLE && x1 >= 0 && y1 >= 0 && x2 <= core.width() && y2 <= core.height()) return;
        const level = Math.max(core.zoom(), 0.75);
        if (STILL.matches || large) {
          core.zoom(level);
          core.center(node);
        } else core.animate({ center: { eles: node }, zoom: level }, { duration: 220 });
      },
      focus: () => box.current?.focus(),
    }),
    [core, large],
  );

  /** The nearest node in the direction of an arrow: what lies far aside counts twice. */
  const move = (dx: number, dy: number) => {
    const here = places[selected];
    if (!here) return props.onSelect([...ids][0] ?? '');
    let [best, least] = ['', Infinity];
    for (const [id, [x, y]] of Object.entries(places)) {
      const [along, aside] = [(x - here[0]) * dx + (y - here[1]) * dy, Math.abs((x - here[0]) * dy) + Math.abs((y - here[1]) * dx)];
      if (id !== selected && along > 1 && along + 2 * aside < least) [best, least] = [id, along + 2 * aside];
    }
    if (best) props.onSelect(best);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (arrow && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      move(arrow[0] ?? 0, arrow[1] ?? 0);
    } else props.onKey(event);
  };

  const chosen = nodes.get(selected);
  return (
    <div class={`picture-frame${connecting ? ' connecting' : ''}`}>
      <div class="picture" ref={box} tabIndex={0} role="application" aria-label={t('pictureLabel')} aria-describedby="picture-chosen" onKeyDown={onKeyDown} />
      <p id="picture-chosen" class="hidden" aria-live="polite">
        {chosen ? `${titleOf(chosen)[lang]}, ${t(`kind_${chosen.kind}`)}` : ''}
      </p>
    </div>
  );
}
