import { describe, expect, it } from 'vitest';
import * as en from '../src/i18n/en';
import * as zh from '../src/i18n/zh';
import { fill, lookUp, translator } from '../src/i18n';

const names = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

describe.each(['chat', 'help', 'inbox', 'api', 'desk', 'admin'] as const)('the catalogue %s', (name) => {
  it('has the same keys and parameters in both languages, and no empty text', () => {
    const [chinese, english] = [zh[name], en[name]] as [Record<string, string>, Record<string, string>];
    expect(Object.keys(english).sort()).toEqual(Object.keys(chinese).sort());
    for (const [key, text] of Object.entries(chinese)) {
      expect(text.trim(), key).not.toBe('');
      expect(english[key]?.trim(), key).not.toBe('');
      for (const form of english[key]?.split('||') ?? []) {
        // The form for one may leave the number out: "See the article".
        const missing = names(text).filter((param) => !names(form).includes(param) && param !== '{n}');
        expect(missing, key).toEqual([]);
        expect(names(form).every((param) => names(text).includes(param)), key).toBe(true);
      }
    }
  });

  it('is Chinese in the one and not in the other', () => {
    for (const [key, text] of Object.entries(en[name])) {
      if (key === 'language' || key === 'languageLabel') continue;
      expect(text, key).not.toMatch(/\p{Script=Han}/u);
    }
  });
});

it('fills in parameters and chooses between one and many', () => {
  const t = translator({ zh: zh.chat, en: en.chat }, 'en');
  expect(t('waitingTime', { n: 1 })).toBe('about 1 minute');
  expect(t('waitingTime', { n: 3 })).toBe('about 3 minutes');
  expect(t('humanHere', { name: '$& {n}' })).toBe('$& {n} is with you');
  expect(fill('{a} and {b}', { a: '1' })).toBe('1 and {b}');
});

it('finds only its own keys', () => {
  expect(lookUp(zh.chat, 'error_busy')).toBe(zh.chat.error_busy);
  expect(lookUp(zh.chat, 'toString')).toBeUndefined();
});
