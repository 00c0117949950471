/** What an agent's desk knows. The functions that change it are in deskState.ts. */
import type { ChatMessage, ChatMode, Json, Lang, Picture } from '../shared/frames';
import type { Colleague, Contact, Counts, ConversationDetail, DeskInfo, Draft, Escalation, Happening, Mark, Presence, Verdict } from './deskApi';
import type { Filter, Listing, Lists, QueueTab } from './rows';
import type { Translation } from './translation';

export type TransferTarget = { agent: string } | { team: string };

export type DeskAction =
  | { type: 'take'; id: string; conversation: string; over?: boolean }
  | { type: 'release' | 'wake' | 'reopen'; id: string; conversation: string }
  | { type: 'return'; id: string; conversation: string; to?: string }
  | { type: 'snooze'; id: string; conversation: string; until: string }
  | { type: 'close'; id: string; conversation: string; outcome: string; tags: string[] }
  | { type: 'transfer'; id: string; conversation: string; to: TransferTarget; note: string }
  | { type: 'mark'; id: string; conversation: string; seq: number; intent?: string; comment?: string }
  | { type: 'message'; id: string; conversation: string; text: string; image?: string; seen: number; force?: boolean }
  | { type: 'note'; id: string; conversation: string; text: string };

export type DeskFrame =
  | DeskAction
  | { type: 'hello'; last_event?: number; presence: Presence }
  | { type: 'presence'; state: Presence }
  | { type: 'open'; conversation: string; last_seq?: number }
  | { type: 'leave'; conversation: string }
  | { type: 'typing'; conversation: string; on: boolean }
  | { type: 'draft'; conversation: string; text: string }
  | { type: 'read'; conversation: string; seq: number };

export interface DeskMessage extends ChatMessage {
  event?: number;
}

export interface Thread {
  status: 'loading' | 'ready' | 'failed';
  mode: ChatMode;
  agent: string;
  agentName: string;
  locale: Lang | '';
  messages: readonly DeskMessage[];
  /** Machine translations of messages, by `seq`. */
  translations: Readonly<Record<number, Translation>>;
  happenings: readonly Happening[];
  escalation: Escalation | null;
  contact: Contact | null;
  marks: readonly Mark[];
  verdicts: readonly Verdict[];
  customerTyping: boolean;
  /** What was understood so far of a customer who is speaking. */
  customerSaying: string;
  /** A colleague's unsent answer. */
  draft: Draft | null;
  /** Colleagues who write, by user name. */
  writing: Readonly<Record<string, string>>;
  /** Up to which `seq` messages reached the customer's screen, and were read there. */
  delivered: number;
  readByCustomer: number;
}

export const EMPTY_THREAD: Thread = {
  status: 'loading',
  mode: 'waiting',
  agent: '',
  agentName: '',
  locale: '',
  messages: [],
  translations: {},
  happenings: [],
  escalation: null,
  contact: null,
  marks: [],
  verdicts: [],
  customerTyping: false,
  customerSaying: '',
  draft: null,
  writing: {},
  delivered: 0,
  readByCustomer: 0,
};

export interface Pending {
  action: DeskAction;
  /** Shown until the message comes back. */
  picture?: Picture;
  at: string;
  state: 'queued' | 'sent' | 'acked' | 'failed';
  seq?: number;
  event?: number;
  /** Why it failed: a code of `refused`. */
  code?: string;
  by?: string;
}

export interface Refusal {
  id: string;
  code: string;
  message: string;
  by: string;
}

/** Something that deserves a sound and a notification. */
export interface News {
  /** Rises with each. */
  number: number;
  kind: 'escalation' | 'offered' | 'message';
  conversation: string;
  text: string;
}

export interface DeskState {
  link: 'idle' | 'connecting' | 'ready' | 'lost' | 'refused';
  me: string;
  role: string;
  lastEvent: number | null;
  /** `event` at the last welcome: newer ones are news. */
  liveAfter: number;
  presence: Presence;
  info: DeskInfo | null;
  colleagues: readonly Colleague[];
  counts: Counts;
  lists: Lists;
  filter: Filter;
  selected: string | null;
  threads: Readonly<Record<string, Thread>>;
  pending: readonly Pending[];
  refusals: readonly Refusal[];
  news: News;
  /** Rises when the lists are out of date. */
  stale: number;
}

export type DeskEvent =
  | { type: 'connecting' }
  | { type: 'lost'; refused: boolean }
  | { type: 'frame'; frame: Json }
  | { type: 'act'; action: DeskAction; at: string; picture?: Picture }
  | { type: 'retry'; id: string }
  /** Sends a refused answer after all, as a new action. */
  | { type: 'force'; id: string; newId: string }
  | { type: 'dismiss'; id: string }
  | { type: 'presence'; presence: Presence }
  | { type: 'select'; conversation: string | null }
  | { type: 'filter'; filter: Filter }
  | { type: 'info'; info: DeskInfo }
  | { type: 'counts'; counts: Counts }
  | { type: 'listed'; tab: QueueTab; page: Listing; filter: Filter; append: boolean }
  | { type: 'read'; conversation: string }
  | { type: 'loaded'; detail: ConversationDetail }
  | { type: 'loadFailed'; conversation: string }
  | { type: 'translated'; conversation: string; seq: number; translation: Translation };

export interface DeskStep {
  state: DeskState;
  send: DeskFrame[];
}

export const agentName = (state: DeskState, agent: string): string =>
  state.colleagues.find((one) => one.agent === agent)?.name ?? agent;

export const supervises = (state: DeskState): boolean => state.role === 'supervisor' || state.role === 'admin';
