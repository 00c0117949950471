/**
 * The chat widget as one script:
 *
 *   <script src="https://help.example.com/widget.js" async data-locale="zh"></script>
 *
 * Optional attributes: `data-locale` (zh or en), `data-open` (open at once), `data-customer` and `data-hmac` (the
 * embedding site vouches for its signed-in customer). The page may use `window.kefu`; `kefu:ready` tells when it is there.
 */
import { render } from 'preact';
import { ChatClient } from '../shared/chatClient';
import { paletteCss } from '../shared/colour';
import type { Lang } from '../shared/frames';
import { isLang } from '../shared/frames';
import { browserMemory } from '../shared/memory';
import { fetchCompany } from '../shared/rest';
import type { Company } from '../shared/rest';
import { Widget } from './Widget';
import type { Controls } from './Widget';
import styles from './widget.css?inline';

export interface KefuApi {
  open(): void;
  close(): void;
  toggle(): void;
  /** Opens the chat and sends `text` as the customer's message. */
  ask(text: string): void;
  setLocale(locale: Lang): void;
}

declare global {
  interface Window {
    kefu?: KefuApi;
  }
}

const PHONE = '(max-width: 520px)';

function storageOf(kind: 'localStorage' | 'sessionStorage'): Storage | null {
  try {
    return window[kind];
  } catch {
    return null;
  }
}

function firstLocale(script: HTMLScriptElement): Lang {
  const asked = script.dataset['locale'];
  if (isLang(asked)) return asked;
  const language = document.documentElement.lang || navigator.language || 'zh';
  return language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

function start(script: HTMLScriptElement): void {
  if (window.kefu) return;
  const { origin } = new URL(script.src, location.href);
  const keep = browserMemory(storageOf('localStorage'), storageOf('sessionStorage'), origin);
  const { customer, hmac } = script.dataset;
  const client = new ChatClient({
    url: `${origin.replace(/^http/, 'ws')}/ws/chat`,
    locale: firstLocale(script),
    keep,
    ...(customer && hmac ? { identity: { customer, hmac } } : {}),
  });

  const host = document.createElement('kefu-chat');
  const shadow = host.attachShadow({ mode: 'open', delegatesFocus: false });
  const base = new CSSStyleSheet();
  base.replaceSync(styles);
  const brand = new CSSStyleSheet();
  brand.replaceSync(paletteCss(':host', undefined));
  shadow.adoptedStyleSheets = [base, brand];
  // Keys typed into the chat are not the page's shortcuts.
  for (const kind of ['keydown', 'keyup', 'keypress'] as const) {
    shadow.addEventListener(kind, (event) => event.stopPropagation());
  }

  let handle: Controls | null = null;
  const controls = (next: Controls) => {
    handle = next;
  };
  const remembered = keep.load();
  const wanted = 'open' in script.dataset && script.dataset['open'] !== 'false';
  const startOpen = wanted || (remembered.open && !matchMedia(PHONE).matches);
  const draw = (company: Company | null) =>
    render(<Widget {...{ client, keep, origin, company, startOpen, controls }} />, shadow);
  // In the document first: what is drawn measures itself.
  document.body.appendChild(host);
  draw(null);

  fetchCompany(origin).then(
    (company) => {
      brand.replaceSync(paletteCss(':host', company.colours));
      draw(company);
    },
    () => undefined, // Without it the chat has neutral colours and no name, and works.
  );

  // A new customer's conversation begins when they open the chat, not with every page they look at.
  if (startOpen || client.state.token !== null || client.state.outbox.length > 0) client.connect();
  window.addEventListener('online', () => client.wake());
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && client.wake());
  window.addEventListener('storage', (event) => event.key === keep.sessionKey && client.adoptStored());

  window.kefu = {
    open: () => handle?.open(),
    close: () => handle?.close(),
    toggle: () => handle?.toggle(),
    ask: (text) => {
      handle?.open();
      const question = String(text).trim();
      if (question) client.say(question);
    },
    setLocale: (locale) => {
      if (isLang(locale)) client.setLocale(locale);
    },
  };
  window.dispatchEvent(new Event('kefu:ready'));
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement) {
  if (document.body) start(script);
  else document.addEventListener('DOMContentLoaded', () => start(script), { once: true });
}
