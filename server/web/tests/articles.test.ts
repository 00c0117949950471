/** Two administrators at one article: what comes together by itself and what is asked. */
import { describe, expect, it } from 'vitest';
import { NO_CONTENT, get, merge, same, set } from '../src/admin/articles/content';
import type { Content } from '../src/admin/articles/content';

const article = (title: string, markdown: string): Content => ({ texts: { en: { title, category: 'sim', summary: 's', markdown } }, intents: ['esim'] });

describe('merging', () => {
  const base = article('One', 'Text');
  it('takes what only one side changed', () => {
    const { merged, conflicts } = merge(base, article('Two', 'Text'), set(article('One', 'Mine'), 'zh.title', '一'));
    expect(conflicts).toEqual([]);
    expect([get(merged, 'en.title'), get(merged, 'en.markdown'), get(merged, 'zh.title')]).toEqual(['Two', 'Mine', '一']);
  });
  it('asks about fields that both changed differently, and has mine until then', () => {
    const { merged, conflicts } = merge(base, article('Two', 'Text'), article('Three', 'Text'));
    expect(conflicts).toEqual([{ path: 'en.title', theirs: 'Two', mine: 'Three' }]);
    expect(get(merged, 'en.title')).toBe('Three');
  });
  it('asks nothing where both changed alike, or only blanks differ', () => {
    expect(merge(base, article('Two', 'Text'), article('Two', 'Text ')).conflicts).toEqual([]);
    expect(same(article('One', 'Text'), article(' One', 'Text\n'))).toBe(true);
    expect(same(null, NO_CONTENT)).toBe(false);
  });
  it('reads intents however they are separated', () => {
    expect(set(base, 'intents', 'esim，sim_activation  invoice,').intents).toEqual(['esim', 'sim_activation', 'invoice']);
  });
});
