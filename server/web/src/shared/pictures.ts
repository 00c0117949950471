/** Pictures on their way to the server: what is taken, and how it gets there. */
import type { Picture } from './frames';
import { isRecord, number, text } from './frames';
import { CHANGES, request } from './rest';

export const PICTURE_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'] as const;
/** A phone's photo over a slow line takes its time. */
const DEADLINE_MS = 90_000;

/** What phones keep photos in and few browsers can show; of a dropped one the browser may not know the type. */
const HEIC_TYPES = /^image\/hei[cf]/;
const HEIC_NAMES = /\.hei[cf]$/i;

export type Refused = 'pictureType' | 'pictureHeic' | 'pictureLarge';

/** Why a file is not taken; null where it is. `limit` in bytes, 0 for none. */
export function refusal(file: { type: string; size: number; name?: string }, limit: number): Refused | null {
  if (HEIC_TYPES.test(file.type) || HEIC_NAMES.test(file.name ?? '')) return 'pictureHeic';
  if (!(PICTURE_TYPES as readonly string[]).includes(file.type)) return 'pictureType';
  return limit > 0 && file.size > limit ? 'pictureLarge' : null;
}

/** Mebibytes as people read them. */
export const mebibytes = (bytes: number): number => Math.floor(bytes / 1024 / 1024);

/**
 * Hands a picture to the server, which gives the id that a message names it by: with the conversation's `token` a
 * customer's, else a colleague's.
 */
export async function uploadPicture(conversation: string, file: File, customer?: { token: string; base: string }): Promise<Picture> {
  const search = new URLSearchParams({ conversation });
  const who = customer ? { Authorization: `Bearer ${customer.token}` } : CHANGES;
  const raw = await request(
    `/api/uploads?${search}`,
    { method: 'POST', headers: { ...who, 'Content-Type': file.type }, body: file },
    customer?.base ?? '',
    DEADLINE_MS,
  );
  const body = isRecord(raw) ? raw : {};
  return {
    id: text(body['id']) ?? '',
    url: text(body['url']) ?? '',
    width: number(body['width']) ?? 0,
    height: number(body['height']) ?? 0,
    alt: '',
  };
}

/** The first picture among what was pasted or dropped. */
export function pictureOf(data: DataTransfer | null): File | undefined {
  return Array.from(data?.files ?? []).find((file) => file.type.startsWith('image/'));
}

/** Whether words were copied together with the picture: who pastes both wants both. */
export function hasWords(data: DataTransfer | null): boolean {
  return (data?.getData('text/plain') ?? '').trim() !== '';
}
