/** Any JSON as nested names and values. */
import { isRecord, parseObject } from '../shared/frames';
import { useShell } from './shell';

const DEEPEST = 6;

/** Slots hold whole states as JSON text: shown opened up, without members that say nothing. */
export function unfold(value: unknown, depth = 0): unknown {
  if (depth > DEEPEST) return value;
  if (typeof value === 'string' && value.startsWith('{')) {
    const inner = parseObject(value);
    return inner ? unfold(inner, depth + 1) : value;
  }
  if (Array.isArray(value)) return value.map((item) => unfold(item, depth + 1));
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, item]): [string, unknown] => [name, unfold(item, depth + 1)])
        .filter(([, item]) => !isEmpty(item)),
    );
  }
  return value;
}

export const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (isRecord(value) && Object.keys(value).length === 0);

const plain = (value: unknown): string => {
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000);
  return String(value);
};

/** An amount of money reads as one thing. */
const money = (value: Record<string, unknown>): string | null =>
  Object.keys(value).length === 2 && 'amount' in value && 'currency' in value ? `${plain(value['amount'])} ${plain(value['currency'])}` : null;

export function DataView({ value }: { value: unknown }) {
  const { t, coded, intent } = useShell();
  if (typeof value === 'boolean') return <>{t(value ? 'yes' : 'no')}</>;
  if (Array.isArray(value)) {
    if (value.every((item) => !isRecord(item) && !Array.isArray(item))) return <>{value.map(plain).join(', ')}</>;
    return (
      <ul class="data-list">
        {value.map((item, index) => (
          <li key={index}>
            <DataView value={item} />
          </li>
        ))}
      </ul>
    );
  }
  if (isRecord(value)) {
    const amount = money(value);
    if (amount !== null) return <>{amount}</>;
    return (
      <dl class="pairs">
        {Object.entries(value).map(([name, item]) => (
          <div key={name} class={isRecord(item) && money(item) === null ? 'nested' : ''}>
            <dt title={name}>{coded('slot', name)}</dt>
            <dd>{typeof item !== 'string' ? <DataView value={item} /> : name === 'skill' || name === 'intent' ? intent(item) : name === 'status' ? coded('status', item) : item}</dd>
          </div>
        ))}
      </dl>
    );
  }
  return <>{plain(value)}</>;
}
