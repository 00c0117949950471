// @vitest-environment jsdom
import { h, render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { fetchDesk, fetchTranslation } from '../src/desk/deskApi';
import { DeskClient } from '../src/desk/deskClient';
import { deskStep, initialDesk } from '../src/desk/deskState';
import { EMPTY_THREAD } from '../src/desk/deskTypes';
import { ShellContext, makeShell } from '../src/desk/shell';
import { Translated } from '../src/desk/Transcript';
import { translationOf } from '../src/desk/translation';
import type { Translation } from '../src/desk/translation';
import { Writer } from '../src/desk/Writer';

const answers = (status: number, body: unknown) => {
  const fetch = vi.fn(() => Promise.resolve(new Response(JSON.stringify(body), { status })));
  vi.stubGlobal('fetch', fetch);
  return fetch;
};

afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

describe('what is worth translating', () => {
  it.each([
    ['My broadband is down', 'en', 'zh', { source: 'en', target: 'zh' }],
    ['我的宽带断了', 'zh', 'en', { source: 'zh', target: 'en' }],
    // What is written counts more than the language that the conversation began in.
    ['My broadband is down', 'zh', 'zh', { source: 'en', target: 'zh' }],
    ['Okay', 'en', 'zh', { source: 'en', target: 'zh' }],
    ['Okay', 'zh', 'zh', null],
    ['Okay', '', 'zh', null],
    ['我的宽带断了', 'en', 'zh', null],
    ['199 0000 0101', 'en', 'zh', null],
    ['', 'en', 'zh', null],
  ] as const)('%s of a conversation in "%s" for a reader of %s', (text, written, to, expected) => {
    expect(translationOf(text, written, to)).toEqual(expected);
  });
});

describe('asking for a translation', () => {
  it('tells words from a refusal and from no answer', async () => {
    const fetch = answers(200, { text: '我的宽带断了' });
    expect(await fetchTranslation('My broadband is down', 'en', 'zh')).toEqual({ to: 'zh', state: 'done', text: '我的宽带断了' });
    const [path, init] = fetch.mock.calls[0] as unknown as [string, RequestInit];
    expect(path).toBe('/api/translations');
    expect(JSON.parse(String(init.body))).toEqual({ text: 'My broadband is down', source: 'en', target: 'zh' });
    answers(200, { refused: 'wrong_language' });
    expect(await fetchTranslation('a b', 'en', 'zh')).toEqual({ to: 'zh', state: 'refused' });
    answers(200, { refused: 'too_long' });
    expect(await fetchTranslation('a b', 'en', 'zh')).toEqual({ to: 'zh', state: 'long' });
    answers(503, { detail: 'slow' });
    expect(await fetchTranslation('a b', 'en', 'zh')).toEqual({ to: 'zh', state: 'away' });
    answers(401, {});
    await expect(fetchTranslation('a b', 'en', 'zh')).rejects.toMatchObject({ status: 401 });
  });

  it('is offered only where the server says so', async () => {
    answers(200, { translation: true });
    expect((await fetchDesk()).translation).toBe(true);
    answers(200, {});
    expect((await fetchDesk()).translation).toBe(false);
  });
});

it('a translation belongs to its message and outlives a new message', () => {
  let { state } = deskStep(initialDesk('lina'), { type: 'select', conversation: 'c1' });
  const done: Translation = { to: 'zh', state: 'done', text: '好' };
  state = deskStep(state, { type: 'translated', conversation: 'c1', seq: 3, translation: { to: 'zh', state: 'asked' } }).state;
  state = deskStep(state, { type: 'translated', conversation: 'c1', seq: 3, translation: done }).state;
  const message = { type: 'message', conversation: 'c1', seq: 4, role: 'customer', text: 'Hello again', at: '2026-03-01T08:00:00Z' };
  state = deskStep(state, { type: 'frame', frame: message }).state;
  expect(state.threads['c1']?.translations).toEqual({ 3: done });
  expect(state.threads['c1']?.messages).toHaveLength(1);
  expect(deskStep(state, { type: 'translated', conversation: 'gone', seq: 1, translation: done }).state).toBe(state);
});

describe('the line under a message', () => {
  const box = () => document.body.appendChild(document.createElement('div'));
  const show = (into: HTMLElement, known: Translation | undefined, ask = () => {}) =>
    act(() => render(h(ShellContext.Provider, { value: makeShell('en') }, h(Translated, { known, ask })), into));

  it('asks once, keeps the focus, and marks the words as a machine’s', () => {
    const into = box();
    const ask = vi.fn();
    show(into, undefined, ask);
    const button = into.querySelector('button') as HTMLButtonElement;
    button.focus();
    expect(button.textContent).toBe('Translate');
    act(() => button.click());
    show(into, { to: 'en', state: 'asked' }, ask);
    act(() => button.click());
    expect(ask).toHaveBeenCalledTimes(1);
    show(into, { to: 'en', state: 'done', text: '<b>My</b> router' }, ask);
    expect(document.activeElement).toBe(button);
    expect(into.querySelector('p')?.textContent).toBe('Machine translation<b>My</b> router');
    act(() => button.click());
    expect(into.querySelector('p')).toBeNull();
    act(() => button.click());
    expect(into.querySelector('p')).not.toBeNull();
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('says why there is none and can be asked again', () => {
    const into = box();
    const ask = vi.fn();
    show(into, { to: 'en', state: 'refused' }, ask);
    expect(into.textContent).toContain('the original stays');
    show(into, { to: 'en', state: 'away' }, ask);
    expect(into.textContent).toContain('not available right now');
    act(() => into.querySelector('button')?.click());
    expect(ask).toHaveBeenCalledTimes(1);
  });
});

describe('a draft', () => {
  const words = '请您重启路由器，然后等一会儿';

  async function written(status: number, body: unknown, conversation: string, translation = true) {
    answers(200, { translation });
    const client = new DeskClient({ username: 'lina', name: '李娜', role: 'agent' }, 'ws://desk.test/', () => {});
    await client.begin();
    const into = document.body.appendChild(document.createElement('div'));
    const thread = { ...EMPTY_THREAD, status: 'ready', mode: 'human', agent: 'lina', locale: 'en' } as const;
    const props = { client, state: client.state, thread, conversation, agent: '李娜', mine: true, suggestion: '', handle: { current: null } };
    act(() => render(h(ShellContext.Provider, { value: makeShell('en') }, h(Writer, props)), into));
    const field = into.querySelector('textarea') as HTMLTextAreaElement;
    act(() => {
      field.value = words;
      field.dispatchEvent(new Event('input', { bubbles: true }));
    });
    const button = into.querySelector<HTMLButtonElement>('button[aria-label="Translate before sending"]');
    const fetch = answers(status, body);
    await act(async () => {
      button?.click();
      await vi.waitFor(() => expect(fetch.mock.calls.length).toBe(button ? 1 : 0));
      await Promise.resolve();
    });
    return { client, into, field, button };
  }

  it('is replaced for the agent to check, is not sent, and comes back', async () => {
    const { client, into, field } = await written(200, { text: 'Please restart the router and wait' }, 'c1');
    await vi.waitFor(() => expect(field.value).toBe('Please restart the router and wait'));
    expect(into.querySelector('.translated-draft')?.textContent).toContain('please check it');
    expect(client.state.pending).toEqual([]);
    act(() => into.querySelector<HTMLButtonElement>('.translated-draft button')?.click());
    expect(field.value).toBe(words);
    expect(into.querySelector('.translated-draft')).toBeNull();
    act(() => render(null, into));
  });

  it('stays as it is where there is no translation', async () => {
    const { into, field } = await written(200, { refused: 'number_not_found' }, 'c2');
    await vi.waitFor(() => expect(into.querySelector('[role="alert"]')?.textContent).toContain('No reliable translation'));
    expect(field.value).toBe(words);
    act(() => render(null, into));
  });

  it('has no such button where no language model is set up', async () => {
    const { button, into } = await written(200, {}, 'c3', false);
    expect(button).toBeNull();
    act(() => render(null, into));
  });
});
