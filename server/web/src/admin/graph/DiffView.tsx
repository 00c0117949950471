/** What differs, node by node, in words. */
import { useShell } from '../shell';
import type { FieldChange, NodeChange } from './graphApi';
import { shownField } from './values';
import { KindSign } from './KindSign';

const MOST_FIELDS = 12;

export function DiffView({ changes }: { changes: readonly NodeChange[] }) {
  const { t, lang } = useShell();
  if (changes.length === 0) return <p class="empty">{t('diffNone')}</p>;
  const count = (change: NodeChange['change']) => changes.filter((one) => one.change === change).length;
  return (
    <div class="diff">
      <p class="faint">{t('diffCount', { added: count('added'), changed: count('changed'), removed: count('removed') })}</p>
      {changes.map((one) => (
        <details key={one.id} class={`diff-node ${one.change}`} open={changes.length <= 6}>
          <summary>
            <span class={`chip ${one.change}`}>{t(`diff_${one.change}`)}</span>
            <KindSign kind={one.kind} />
            <strong>{one.title[lang] || one.id}</strong>
            <code>{one.id}</code>
          </summary>
          <dl>
            {one.fields.slice(0, MOST_FIELDS).map((field, at) => (
              <Change key={at} kind={one.kind} field={field} />
            ))}
          </dl>
          {one.fields.length > MOST_FIELDS && <p class="faint">{t('diffMore', { n: one.fields.length - MOST_FIELDS })}</p>}
        </details>
      ))}
    </div>
  );
}

function Change({ kind, field }: { kind: string; field: FieldChange }) {
  const { t, coded } = useShell();
  const [first = '', ...rest] = field.path.map(String);
  const own = coded('field', `${kind}_${first}`);
  const label = own === `${kind}_${first}`.replace(/_/g, ' ') ? coded('field', first) : own;
  const language = rest.at(-1);
  const words = [label, ...rest.map((part) => (part === language && (part === 'zh' || part === 'en') ? t(part === 'zh' ? 'chinese' : 'english') : part))];
  return (
    <div>
      <dt>{words.join(' › ')}</dt>
      <dd>
        {field.before !== undefined && field.before !== null && <del>{shownField(kind, field.path, field.before)}</del>}
        {field.after !== undefined && field.after !== null && <ins>{shownField(kind, field.path, field.after)}</ins>}
      </dd>
    </div>
  );
}
