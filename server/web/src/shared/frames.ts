/** The frames of the customer socket `/ws/chat`, and a tolerant reader for what arrives. */

export type Lang = 'zh' | 'en';
export const LANGS: readonly Lang[] = ['zh', 'en'];
export const isLang = (value: unknown): value is Lang => value === 'zh' || value === 'en';

export type ChatMode = 'bot' | 'waiting' | 'human' | 'closed';
export type Role = 'customer' | 'bot' | 'agent' | 'system' | 'note';
export type StepKind = 'check' | 'fix' | 'confirm' | 'ask';

export interface Choice {
  value: string;
  label: string;
}

export interface Citation {
  title: string;
  url: string;
  passage?: string;
}

export interface StepHint {
  kind: StepKind;
  id: string;
  retest?: boolean;
}

/** A picture as the server keeps it; `url` is relative to the serving host. */
export interface Picture {
  id: string;
  url: string;
  width: number;
  height: number;
  alt: string;
}

export interface ChatMessage {
  seq: number;
  role: Role;
  text: string;
  /** ISO 8601, UTC. */
  at: string;
  name?: string;
  choices?: Choice[];
  citations?: Citation[];
  step?: StepHint;
  image?: Picture;
  client_id?: string;
  /** It was spoken. */
  voice?: boolean;
  /** What of a spoken reply was heard before it was interrupted. */
  heard?: string;
}

/** Frames with an id: kept until acknowledged and sent again after a lost connection. */
export type ReliableFrame =
  | { type: 'message'; id: string; text: string }
  | { type: 'choice'; id: string; seq: number; value: string }
  | { type: 'image'; id: string; upload: string; text?: string }
  | { type: 'human'; id: string }
  | { type: 'bot'; id: string }
  | { type: 'restart'; id: string }
  /** With `seq` about one answer, without about the whole conversation. */
  | { type: 'feedback'; id: string; seq?: number; score?: number; solved?: boolean; comment?: string }
  | { type: 'contact'; id: string; phone?: string; email?: string; note?: string };

export interface HelloFrame {
  type: 'hello';
  locale: Lang;
  conversation?: string;
  token?: string;
  last_seq: number;
  identity?: { customer: string; hmac: string };
}

export type ClientFrame =
  | ReliableFrame
  | HelloFrame
  | { type: 'typing'; on: boolean }
  | { type: 'read'; seq: number }
  | { type: 'ping'; t: number };

export interface WelcomeFrame {
  type: 'welcome';
  conversation: string;
  token: string;
  mode: ChatMode;
  seq: number;
  locale: Lang;
  resumed: boolean;
}

export interface ModeFrame {
  type: 'mode';
  mode: ChatMode;
  reason?: string;
  position?: number;
  wait_s?: number;
  /** Who has the conversation, or is being asked to take it. */
  agent?: string;
  team?: string;
  /** Whether somebody is there now, and when somebody will be. */
  open?: boolean;
  opens_at?: string;
  /** Ask how it was. */
  rate?: boolean;
}

export interface ErrorFrame {
  type: 'error';
  code: string;
  message: string;
  id?: string;
  /** When to send again what was refused because too many are writing. */
  retry_s?: number;
}

export type ServerFrame =
  | WelcomeFrame
  | ModeFrame
  | ErrorFrame
  | ({ type: 'message' } & ChatMessage)
  | { type: 'ack'; id: string; seq?: number }
  | { type: 'typing'; on: boolean; role: string }
  | { type: 'read'; seq: number }
  | { type: 'pong' };

export type Json = Record<string, unknown>;

export const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** The object without its undefined members, which `exactOptionalPropertyTypes` asks for. */
export function compact<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

const MODES = new Set<string>(['bot', 'waiting', 'human', 'closed']);
const ROLES = new Set<string>(['customer', 'bot', 'agent', 'system', 'note']);
const STEPS = new Set<string>(['check', 'fix', 'confirm', 'ask']);

export const readMode = (value: unknown): ChatMode | undefined =>
  typeof value === 'string' && MODES.has(value) ? (value as ChatMode) : undefined;

/** An agent is named by a string or by an object that carries one. */
export function readName(value: unknown): string | undefined {
  if (typeof value === 'string') return value || undefined;
  if (isRecord(value)) return text(value['name']) ?? text(value['username']);
  return undefined;
}

function readPicture(raw: unknown): Picture | undefined {
  const url = isRecord(raw) ? text(raw['url']) : undefined;
  // Only what the gateway itself serves: a message cannot make a browser ask somebody else.
  if (!isRecord(raw) || url === undefined || !url.startsWith('/api/uploads/')) return undefined;
  return {
    id: text(raw['id']) ?? url,
    url,
    width: number(raw['width']) ?? 0,
    height: number(raw['height']) ?? 0,
    alt: text(raw['alt']) ?? '',
  };
}

/** A message out of a frame or a REST answer; undefined where it has no role or no text. */
export function readMessage(raw: unknown): ChatMessage | undefined {
  if (!isRecord(raw)) return undefined;
  const role = text(raw['role']);
  const body = text(raw['text']);
  if (role === undefined || !ROLES.has(role) || body === undefined) return undefined;
  const choices = list(raw['choices']).flatMap((item) => {
    if (!isRecord(item)) return [];
    const value = text(item['value']);
    const label = text(item['label']);
    return value !== undefined && label !== undefined ? [{ value, label }] : [];
  });
  const citations = list(raw['citations']).flatMap((item) => {
    if (!isRecord(item)) return [];
    const title = text(item['title']);
    const url = text(item['url']);
    return title !== undefined && url !== undefined
      ? [compact<Citation>({ title, url, passage: text(item['passage']) })]
      : [];
  });
  const step = raw['step'];
  const kind = isRecord(step) ? text(step['kind']) : undefined;
  return compact<ChatMessage>({
    seq: number(raw['seq']) ?? 0,
    role: role as Role,
    text: body,
    at: text(raw['at']) ?? '',
    name: text(raw['name']),
    choices: choices.length ? choices : undefined,
    citations: citations.length ? citations : undefined,
    step:
      isRecord(step) && kind !== undefined && STEPS.has(kind)
        ? { kind: kind as StepKind, id: text(step['id']) ?? '', retest: step['retest'] === true }
        : undefined,
    image: readPicture(raw['image']),
    voice: raw['voice'] === true || undefined,
    heard: isRecord(raw['heard']) ? text(raw['heard']['text']) : undefined,
    // Notes have no `seq`, and an id of their own.
    client_id: text(raw['client_id']) ?? text(raw['id']),
  });
}

/** One frame of the chat socket; undefined for what is not understood (newer servers may send more). */
export function readServerFrame(data: unknown): ServerFrame | undefined {
  const raw = parseObject(data);
  if (!raw) return undefined;
  switch (raw['type']) {
    case 'welcome': {
      const conversation = text(raw['conversation']);
      const token = text(raw['token']);
      if (conversation === undefined || token === undefined) return undefined;
      return {
        type: 'welcome',
        conversation,
        token,
        mode: readMode(raw['mode']) ?? 'bot',
        seq: number(raw['seq']) ?? 0,
        locale: isLang(raw['locale']) ? raw['locale'] : 'zh',
        resumed: raw['resumed'] === true,
      };
    }
    case 'message': {
      const message = readMessage(raw);
      return message && message.seq > 0 && message.role !== 'note' ? { type: 'message', ...message } : undefined;
    }
    case 'ack': {
      const id = text(raw['id']);
      return id === undefined ? undefined : compact({ type: 'ack' as const, id, seq: number(raw['seq']) });
    }
    case 'mode': {
      const mode = readMode(raw['mode']);
      if (!mode) return undefined;
      return compact<ModeFrame>({
        type: 'mode',
        mode,
        reason: text(raw['reason']),
        position: number(raw['position']),
        wait_s: number(raw['wait_s']),
        agent: readName(raw['agent']),
        team: text(raw['team']),
        open: typeof raw['open'] === 'boolean' ? raw['open'] : undefined,
        opens_at: text(raw['opens_at']),
        rate: typeof raw['rate'] === 'boolean' ? raw['rate'] : undefined,
      });
    }
    case 'typing':
      return { type: 'typing', on: raw['on'] === true, role: text(raw['role']) ?? 'bot' };
    case 'read':
      return { type: 'read', seq: number(raw['seq']) ?? 0 };
    case 'error':
      return compact<ErrorFrame>({
        type: 'error',
        code: text(raw['code']) ?? 'internal',
        message: text(raw['message']) ?? '',
        id: text(raw['id']),
        retry_s: number(raw['retry_s']),
      });
    case 'pong':
      return { type: 'pong' };
    default:
      return undefined;
  }
}

/** A JSON object out of a text frame; undefined for anything else. */
export function parseObject(data: unknown): Json | undefined {
  if (typeof data !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(data);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
