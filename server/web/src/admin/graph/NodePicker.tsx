/** A field that finds a node by its name, in either language, or its id. */
import type { Ref } from 'preact';
import { useId, useState } from 'preact/hooks';
import { useShell } from '../shell';
import { search, titleOf } from './model';
import type { GraphNode, Kind, Nodes } from './model';
import { KindSign } from './KindSign';

const MOST = 12;

interface NodePickerProps {
  nodes: Nodes;
  label: string;
  kinds?: readonly Kind[];
  /** Nodes that cannot be chosen again. */
  without?: readonly string[];
  placeholder?: string;
  field?: Ref<HTMLInputElement>;
  onPick(node: GraphNode): void;
}

export function NodePicker({ nodes, label, kinds, without = [], placeholder = '', field, onPick }: NodePickerProps) {
  const { t, lang } = useShell();
  const id = useId();
  const [words, setWords] = useState('');
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const fits = (node: GraphNode) => (!kinds || kinds.includes(node.kind)) && !without.includes(node.id);
  const all = !words.trim() && kinds ? [...nodes.values()].filter(fits) : search(nodes, words, lang).filter(fits);
  const found = open ? all.slice(0, MOST) : [];
  const pick = (node: GraphNode | undefined) => {
    if (!node) return;
    setWords('');
    setOpen(false);
    onPick(node);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setOpen(true);
      setAt(Math.max(0, Math.min(found.length - 1, at + (event.key === 'ArrowDown' ? 1 : -1))));
    } else if (event.key === 'Enter' && open && found.length > 0) {
      event.preventDefault();
      pick(found[at]);
    } else if (event.key === 'Escape' && open) {
      event.stopPropagation();
      setOpen(false);
    }
  };
  return (
    <div class="picker-field">
      <input
        ref={field ?? null}
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded={found.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={found.length > 0 ? `${id}-${at}` : undefined}
        placeholder={placeholder || label}
        value={words}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => (setWords(event.currentTarget.value), setAt(0), setOpen(true))}
        onFocus={() => setOpen(kinds !== undefined)}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label={label} hidden={found.length === 0}>
        {found.map((node, index) => (
          <li
            key={node.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            onMouseDown={(event) => event.preventDefault()}
            onMouseEnter={() => setAt(index)}
            onClick={() => pick(node)}
          >
            <KindSign kind={node.kind} />
            <span>{titleOf(node)[lang]}</span>
            <small>{node.id}</small>
          </li>
        ))}
      </ul>
      {open && words.trim() && found.length === 0 && <p class="picker-none">{t('nothingFound')}</p>}
    </div>
  );
}
