/** What the fields of an article are called. */
import { useShell } from '../shell';

/** The name of a path such as `['zh', 'title']`. */
export function usePathName(): (path: readonly string[]) => string {
  const { t, coded } = useShell();
  return ([first = '', second]) => (second === undefined ? coded('field_article', first) : `${coded('field_article', second)} · ${t(first === 'zh' ? 'chinese' : 'english')}`);
}
