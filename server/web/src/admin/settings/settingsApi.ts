/** The REST interface of the company's settings and of staff accounts. */
import type { Json } from '../../shared/frames';
import { isRecord, list, number, text } from '../../shared/frames';
import { CHANGES, RestError, localised, request, send } from '../../shared/rest';
import type { Localised } from '../../shared/rest';

const PATH = '/api/company-settings';
export type Path = readonly (string | number)[];

export interface Problem {
  path: Path;
  text: Localised;
}

export interface Change {
  path: string[];
  before: unknown;
  after: unknown;
}

export interface Version {
  version: number;
  at: string;
  author: string;
  message: string;
  origin: string;
  of: number;
  changes: Change[];
}

export interface Current extends Version {
  settings: Json;
  languages: string[];
  currency: string;
  timezone: string;
  topics: { name: string; label: Localised }[];
}

const record = (raw: unknown): Json => (isRecord(raw) ? raw : {});
const words = (raw: unknown): string[] => list(raw).filter((one) => typeof one === 'string');

function readVersion(raw: unknown): Version {
  const one = record(raw);
  const word = (name: string) => text(one[name]) ?? '';
  return {
    version: number(one['version']) ?? 0,
    at: word('at'),
    author: word('author'),
    message: word('message'),
    origin: word('origin'),
    of: number(one['of']) ?? 0,
    changes: list(one['changes']).map((change) => ({
      path: words(record(change)['path']),
      before: record(change)['before'],
      after: record(change)['after'],
    })),
  };
}

function readCurrent(raw: unknown): Current {
  const body = record(raw);
  const fixed = record(body['fixed']);
  return {
    ...readVersion(body),
    settings: record(body['settings']),
    languages: words(fixed['languages']),
    currency: text(fixed['currency']) ?? '',
    timezone: text(fixed['timezone']) ?? '',
    topics: list(body['topics']).map((one) => ({ name: text(record(one)['name']) ?? '', label: localised(record(one)['label']) })),
  };
}

export const readProblems = (raw: unknown): Problem[] =>
  list(record(raw)['problems']).map((one) => ({
    path: list(record(one)['path']).filter((part) => typeof part === 'string' || typeof part === 'number'),
    text: localised(record(one)['text']),
  }));

/** What the server says to people about a request that it refused, and where the fault lies. */
export interface Refused {
  code: string;
  text: Localised;
  problems: Problem[];
}

export function refusal(error: unknown): Refused | null {
  if (!(error instanceof RestError) || !isRecord(error.body) || !isRecord(error.body['text'])) return null;
  return { code: text(error.body['code']) ?? '', text: localised(error.body['text']), problems: readProblems(error.body) };
}

export const fetchSettings = async (): Promise<Current> => readCurrent(await request(PATH));
export const saveSettings = async (base: number, settings: Json, message: string): Promise<Current> =>
  readCurrent(await request(PATH, send('PUT', { base, settings, message })));
export const checkSettings = async (settings: Json): Promise<Problem[]> => readProblems(await request(`${PATH}/check`, send('POST', { settings })));
export const fetchHistory = async (): Promise<Version[]> => list(record(await request(`${PATH}/versions?limit=50`))['items']).map(readVersion);
export const rollBack = async (base: number, to: number, message: string): Promise<Current> =>
  readCurrent(await request(`${PATH}/rollback`, send('POST', { base, to, message })));
/** What a risk bound leaves to the bot in one language. */
export interface Left {
  bound: number;
  coverage: number;
  error: number;
  guaranteed: boolean;
}

export interface Coverage {
  chosen: Record<string, Left>;
  languages: Record<string, Left[]>;
}

function readLeft(raw: unknown): Left {
  const one = record(raw);
  const share = (name: string) => number(one[name]) ?? 0;
  return { bound: share('bound'), coverage: share('coverage'), error: share('error'), guaranteed: one['guaranteed'] === true };
}

export async function fetchCoverage(bound: number): Promise<Coverage> {
  const body = record(await request(`${PATH}/coverage?bound=${bound}`));
  const each = <T>(raw: unknown, read: (one: unknown) => T) => Object.fromEntries(Object.entries(record(raw)).map(([name, one]) => [name, read(one)]));
  return { chosen: each(body['chosen'], readLeft), languages: each(body['languages'], (one) => list(one).map(readLeft)) };
}

export const EXPORT = `${PATH}/export`;

export interface Account {
  username: string;
  name: string;
  role: string;
  teams: string[];
  languages: string[];
  capacity: number;
  active: boolean;
}

export const fetchStaff = async (): Promise<Account[]> =>
  list(await request('/api/staff')).map((raw) => {
    const one = record(raw);
    return {
      username: text(one['username']) ?? '',
      name: text(one['name']) ?? '',
      role: text(one['role']) ?? 'agent',
      teams: words(one['teams']),
      languages: words(one['languages']),
      capacity: number(one['capacity']) ?? 0,
      active: one['active'] !== false,
    };
  });

const of = (username: string) => `/api/staff/${encodeURIComponent(username)}`;
const passwordOf = (raw: unknown): string => text(record(raw)['password']) ?? '';

export const addAccount = async (username: string, name: string, role: string): Promise<string> =>
  passwordOf(await request('/api/staff', send('POST', { username, name, role })));
export const changeAccount = async (username: string, change: { name?: string; role?: string; active?: boolean }): Promise<void> => {
  await request(`${of(username)}/account`, send('PATCH', change));
};
export const placeAccount = async (username: string, place: { teams: string[]; languages: string[]; capacity: number }): Promise<void> => {
  await request(of(username), send('PATCH', place));
};
export const resetPassword = async (username: string): Promise<string> =>
  passwordOf(await request(`${of(username)}/password`, { method: 'POST', headers: CHANGES }));
