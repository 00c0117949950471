/**
 * One administrator at one draft: what the server has confirmed, what is on its way, what can be undone.
 *
 * Pure: a state and functions that give the next one. `draftClient.ts` sends and receives.
 */
import { apply, clashes, inverse, joined, sameField, touches } from './operations';
import type { Clash, Operation } from './operations';
import type { Graph } from './model';
import type { Problem } from './problems';

/** Typing goes on within one step of undo as long as no pause is longer. */
const ONE_STEP_MS = 1_200;
const UNDO_STEPS = 200;

interface Step {
  /** What was done, and what takes it back. */
  done: readonly Operation[];
  back: readonly Operation[];
  at: number;
}

export interface Conflict {
  /** My changes that meet theirs, each with theirs. */
  clashes: readonly Clash[];
  by: string;
}

export interface Session {
  revision: number;
  /** As the server has it at `revision`. */
  synced: Graph;
  sending: readonly Operation[];
  waiting: readonly Operation[];
  /** `synced` with everything of mine on top: what is shown. */
  graph: Graph;
  problems: readonly Problem[];
  /** Whether `problems` are those of `graph`. */
  judged: boolean;
  undo: readonly Step[];
  redo: readonly Step[];
  conflict: Conflict | null;
}

export const open = (revision: number, graph: Graph, problems: readonly Problem[]): Session => ({
  revision,
  synced: graph,
  sending: [],
  waiting: [],
  graph,
  problems,
  judged: true,
  undo: [],
  redo: [],
  conflict: null,
});

const shown = (session: Session): Session => ({
  ...session,
  graph: apply(apply(session.synced, session.sending), session.waiting),
});

const added = (session: Session, operations: readonly Operation[]): Session => ({
  ...session,
  waiting: joined(session.waiting, operations),
  graph: apply(session.graph, operations),
  judged: false,
});

/** A change of mine, at `now` milliseconds. */
export function edit(session: Session, operations: readonly Operation[], now: number): Session {
  if (operations.length === 0) return session;
  const back = inverse(session.graph, operations);
  const last = session.undo.at(-1);
  const [only] = operations;
  const before = last?.done.at(-1);
  const typing = last && before && only && operations.length === 1 && last.done.length === 1 && sameField(before, only) && now - last.at < ONE_STEP_MS;
  const undo = typing
    ? [...session.undo.slice(0, -1), { done: operations, back: last.back, at: now }]
    : [...session.undo, { done: operations, back, at: now }].slice(-UNDO_STEPS);
  return { ...added(session, operations), undo, redo: [] };
}

export function undo(session: Session): Session {
  const step = session.undo.at(-1);
  if (!step) return session;
  return { ...added(session, step.back), undo: session.undo.slice(0, -1), redo: [...session.redo, step] };
}

export function redo(session: Session): Session {
  const step = session.redo.at(-1);
  if (!step) return session;
  return { ...added(session, step.done), redo: session.redo.slice(0, -1), undo: [...session.undo, { ...step, at: 0 }] };
}

/** What is to be sent now, once. */
export const send = (session: Session): Session =>
  session.sending.length > 0 || session.conflict !== null ? session : { ...session, sending: session.waiting, waiting: [] };

/** The server has taken what was sent. */
export function accepted(session: Session, revision: number, problems: readonly Problem[]): Session {
  const synced = apply(session.synced, session.sending);
  return shown({ ...session, revision, synced, sending: [], problems, judged: session.waiting.length === 0 });
}

/** What was sent could not be sent: it waits again, before what came after it. */
export const returned = (session: Session): Session => ({ ...session, sending: [], waiting: joined(session.sending, session.waiting) });

/** What was sent cannot be used (the server says why): it is dropped. */
export const refused = (session: Session): Session => shown({ ...session, sending: [], undo: [], redo: [], judged: false });

/** Others were quicker: their changes go under mine, and where both touch the same thing I am asked. */
export function overtaken(session: Session, revision: number, theirs: readonly Operation[], by: string): Session {
  const mine = joined(session.sending, session.waiting);
  const found = clashes(mine, theirs);
  const free = (step: Step) => !step.back.some((one) => theirs.some((other) => touches(one, other)));
  return shown({
    ...session,
    revision,
    synced: apply(session.synced, theirs),
    sending: [],
    waiting: mine,
    judged: false,
    undo: session.undo.filter(free),
    redo: session.redo.filter(free),
    conflict: found.length > 0 ? { clashes: found, by } : null,
  });
}

/** The answer to a conflict: my changes on top of theirs, or theirs as they are. */
export function settle(session: Session, take: 'mine' | 'theirs'): Session {
  if (session.conflict === null) return session;
  const dropped = new Set(take === 'theirs' ? session.conflict.clashes.map((clash) => clash.mine) : []);
  return shown({ ...session, conflict: null, waiting: session.waiting.filter((one) => !dropped.has(one)), judged: false });
}

export const saved = (session: Session): boolean => session.sending.length === 0 && session.waiting.length === 0;
