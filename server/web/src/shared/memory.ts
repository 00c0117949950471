/** What the widget remembers in the browser, so that a reload or a crash of the page loses nothing. */
import { isLang, isRecord, number, parseObject, text } from './frames';
import type { Lang, ReliableFrame } from './frames';
import type { Outgoing, Remembered } from './chatState';

export interface Keep {
  load(): Remembered & { open: boolean; seen: { conversation: string; seq: number } | null };
  saveSession(conversation: string | null, token: string | null): void;
  saveLocale(locale: Lang, chosen: boolean): void;
  /** Whether the panel is open, for this tab only. */
  saveOpen(open: boolean): void;
  /** How far the customer has seen the conversation. */
  saveSeen(conversation: string, seq: number): void;
  saveOutbox(outbox: readonly Outgoing[]): void;
  /** The storage key that another tab of the same site writes when it moves to another conversation. */
  readonly sessionKey: string;
  session(): { conversation: string; token: string } | null;
}

const RELIABLE = new Set(['message', 'choice', 'image', 'human', 'bot', 'restart', 'feedback', 'contact']);

/**
 * Keeps everything under one key per serving host. Each undelivered message has a key of its own: two tabs of one site
 * must not overwrite each other's. Storage that is full or forbidden only costs the memory, never the chat.
 */
export function browserMemory(storage: Storage | null, tab: Storage | null, origin: string): Keep {
  const root = `kefu:${origin}`;
  const sessionKey = `${root}:session`;
  const outPrefix = `${root}:out:`;
  const mine = new Map<string, string>();

  const read = (key: string) => {
    try {
      return parseObject(storage?.getItem(key) ?? null);
    } catch {
      return undefined;
    }
  };
  const write = (key: string, value: unknown) => {
    try {
      if (value === null) storage?.removeItem(key);
      else storage?.setItem(key, JSON.stringify(value));
    } catch {
      // Quota or privacy mode.
    }
  };
  const session = () => {
    const raw = read(sessionKey);
    const conversation = text(raw?.['conversation']);
    const token = text(raw?.['token']);
    return conversation !== undefined && token !== undefined ? { conversation, token } : null;
  };
  const tabRead = () => {
    try {
      return tab?.getItem(`${root}:open`) === '1';
    } catch {
      return false;
    }
  };
  const waiting = (): Outgoing[] => {
    const found: Outgoing[] = [];
    try {
      for (let i = 0; storage && i < storage.length; i += 1) {
        const key = storage.key(i);
        if (!key?.startsWith(outPrefix)) continue;
        const item = readOutgoing(read(key));
        if (item) {
          found.push(item);
          mine.set(item.frame.id, JSON.stringify(item));
        }
      }
    } catch {
      return found;
    }
    return found.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  };

  return {
    sessionKey,
    session,
    load() {
      const ui = read(`${root}:ui`);
      const locale = ui?.['locale'];
      return {
        ...(session() ?? {}),
        ...(isLang(locale) ? { locale } : {}),
        localeChosen: ui?.['chosen'] === true,
        open: tabRead(),
        seen: seenIn(ui?.['seen']),
        outbox: waiting(),
      };
    },
    saveSession(conversation, token) {
      write(sessionKey, conversation !== null && token !== null ? { conversation, token } : null);
    },
    saveLocale(locale, chosen) {
      write(`${root}:ui`, { ...read(`${root}:ui`), locale, chosen });
    },
    saveOpen(open) {
      try {
        if (open) tab?.setItem(`${root}:open`, '1');
        else tab?.removeItem(`${root}:open`);
      } catch {
        // As above.
      }
    },
    saveSeen(conversation, seq) {
      write(`${root}:ui`, { ...read(`${root}:ui`), seen: { conversation, seq } });
    },
    saveOutbox(outbox) {
      const keep = outbox.filter((item) => item.state !== 'acked' || item.frame.type === 'restart');
      const ids = new Set(keep.map((item) => item.frame.id));
      for (const id of mine.keys()) {
        if (ids.has(id)) continue;
        mine.delete(id);
        write(outPrefix + id, null);
      }
      for (const item of keep) {
        const value = JSON.stringify(item);
        if (mine.get(item.frame.id) === value) continue;
        mine.set(item.frame.id, value);
        write(outPrefix + item.frame.id, item);
      }
    },
  };
}

function seenIn(raw: unknown): { conversation: string; seq: number } | null {
  if (!isRecord(raw)) return null;
  const conversation = text(raw['conversation']);
  const seq = number(raw['seq']);
  return conversation !== undefined && seq !== undefined ? { conversation, seq } : null;
}

/** Storage belongs to the page's own site and may hold anything: only well-formed entries come back. */
function readOutgoing(raw: unknown): Outgoing | null {
  if (!isRecord(raw) || !isRecord(raw['frame'])) return null;
  const frame = raw['frame'];
  const type = text(frame['type']);
  const id = text(frame['id']);
  const state = raw['state'];
  if (type === undefined || id === undefined || !RELIABLE.has(type)) return null;
  if (type === 'message' && text(frame['text']) === undefined) return null;
  return {
    frame: frame as unknown as ReliableFrame,
    label: text(raw['label']) ?? '',
    at: text(raw['at']) ?? '',
    state: state === 'failed' ? 'failed' : 'queued',
    ...(state === 'failed' ? { error: text(raw['error']) ?? 'internal' } : {}),
  };
}
