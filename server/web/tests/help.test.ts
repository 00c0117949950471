import { afterEach, describe, expect, it, vi } from 'vitest';
import { readRoute, writeRoute } from '../src/help/route';
import type { Route } from '../src/help/route';
import { RestError, fetchArticles, fetchCompany } from '../src/shared/rest';

const answer = (body: unknown, status = 200) =>
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(body), { status })));

afterEach(() => vi.unstubAllGlobals());

describe('addresses', () => {
  it.each<Route>([
    { page: 'home' },
    { page: 'category', category: 'Wi-Fi & more' },
    { page: 'search', query: '流量 50%' },
    { page: 'article', id: 'reset-login-password' },
    { page: 'article', id: 'a/b?c' },
  ])('come back as they were written: %o', (route) => {
    expect(readRoute(new URL(writeRoute(route), 'https://help.example.com'))).toEqual(route);
  });

  it('survive what people type', () => {
    expect(readRoute(new URL('https://h.example/help/%E0%A4%A'))).toEqual({ page: 'article', id: '%E0%A4%A' });
    expect(readRoute(new URL('https://h.example/?q=%20'))).toEqual({ page: 'home' });
  });
});

describe('the company', () => {
  it('is read whichever way its weekdays are named', async () => {
    answer({ name: { zh: '青禾' }, hours: { monday: { open: '08:00', close: '22:00' }, tue: ['09:00', '21:00'], wed: '10:00-18:00', holidays: ['2026-02-17'] } });
    const company = await fetchCompany();
    expect(company.hours).toEqual({
      mon: { open: '08:00', close: '22:00' },
      tue: { open: '09:00', close: '21:00' },
      wed: { open: '10:00', close: '18:00' },
    });
    expect(company.name).toEqual({ zh: '青禾', en: '青禾' });
    expect(company.languages).toEqual(['zh', 'en']);
  });
});

describe('requests', () => {
  it('read lists bare or under items, without entries that are none', async () => {
    const card = { id: 'a', title: 'A', category: 'c', summary: 's' };
    answer([card, {}, null]);
    expect(await fetchArticles('zh')).toEqual([card]);
    answer({ items: [card] });
    expect(await fetchArticles('zh')).toEqual([card]);
  });

  it('name the status and the reason of a refusal', async () => {
    answer({ detail: 'too many' }, 429);
    await expect(fetchArticles('zh')).rejects.toMatchObject({ status: 429, message: 'too many' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
    await expect(fetchArticles('zh')).rejects.toBeInstanceOf(RestError);
  });
});
