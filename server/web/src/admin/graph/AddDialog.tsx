/** A new node: its kind, what it is called, and what it is linked to from the beginning. */
import { useState } from 'preact/hooks';
import { FormDialog } from '../../shared/Dialog';
import { useShell } from '../shell';
import { ADDITIONS, beginning } from './kinds';
import { KINDS, freeId, isId, titleOf } from './model';
import type { GraphNode, Kind, Nodes } from './model';
import { apply, linking } from './operations';
import type { Operation } from './operations';
import { KindSign } from './KindSign';

interface AddDialogProps {
  nodes: Nodes;
  kind: Kind;
  about: GraphNode | null;
  onAdd(operations: Operation[], id: string): void;
  onClose(): void;
}

export function AddDialog({ nodes, kind: first, about, onAdd, onClose }: AddDialogProps) {
  const { t, lang } = useShell();
  const [kind, setKind] = useState(first);
  const [name, setName] = useState({ zh: '', en: '' });
  const [typedId, setTypedId] = useState('');
  const id = typedId || freeId(nodes, name.en, kind);
  const ready = name.zh.trim() !== '' && name.en.trim() !== '' && isId(id) && !nodes.has(id);
  const linked = about !== null && ADDITIONS[about.kind].includes(kind);

  const add = () => {
    const put: Operation = { op: 'put', node: { id, kind, data: beginning(kind, { zh: name.zh.trim(), en: name.en.trim() }, linked ? about : null) } };
    const graph = apply({ nodes, layout: {} }, [put]);
    // A check or a fix names its fault from the beginning; a fault is named by what it is added to.
    const named = linked && about && (kind === 'fault' || kind === 'gate') ? linking(graph.nodes, about.id, id) : null;
    onAdd([put, ...(named ?? [])], id);
  };

  return (
    <FormDialog title={t('addNode')} action={t('add')} ready={ready} wide onDo={add} onClose={onClose}>
      <div class="form-grid">
        <fieldset class="kind-choice">
          <legend>{t('kind')}</legend>
          {KINDS.map((one) => (
            <label key={one} class={one === kind ? 'chosen' : ''}>
              <input type="radio" name="kind" value={one} checked={one === kind} onChange={() => setKind(one)} />
              <KindSign kind={one} />
              {t(`kind_${one}`)}
            </label>
          ))}
        </fieldset>
        <p>{t(`about_${kind}`)}</p>
        <div class="side-by-side">
          {(['zh', 'en'] as const).map((language) => (
            <label class="field" key={language}>
              {`${t('field_name')} · ${t(language === 'zh' ? 'chinese' : 'english')}`}
              <input name={`name-${language}`} lang={language === 'zh' ? 'zh-CN' : 'en'} autofocus={language === 'zh'} value={name[language]} onInput={(event) => setName({ ...name, [language]: event.currentTarget.value })} />
            </label>
          ))}
        </div>
        <label class="field">
          {t('identifier')}
          <input value={id} spellcheck={false} autocapitalize="none" onInput={(event) => setTypedId(event.currentTarget.value.trim())} />
          <small>{isId(id) && !nodes.has(id) ? t('identifierHint') : t('idTaken')}</small>
        </label>
        {linked && about && <p role="status">{t('linkedTo', { name: titleOf(about)[lang] })}</p>}
      </div>
    </FormDialog>
  );
}
