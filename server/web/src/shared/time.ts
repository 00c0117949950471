/** Times as people read them, in the browser's own time zone. */
import type { Lang } from './frames';

const TAG: Record<Lang, string> = { zh: 'zh-CN', en: 'en-GB' };

const formats = new Map<string, Intl.DateTimeFormat>();

function format(lang: Lang, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = lang + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(TAG[lang], options);
    formats.set(key, found);
  }
  return found;
}

/** 14:05 */
export function clock(at: string, lang: Lang): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : format(lang, { hour: '2-digit', minute: '2-digit', hour12: false }).format(date);
}

/** 3 March, 14:05 — for titles and tooltips. */
export function dateAndClock(at: string, lang: Lang): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  return format(lang, { day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit', hour12: false }).format(date);
}

/** Days between two moments by the local calendar: 0 today, 1 yesterday. */
export function daysAgo(at: string, now: Date): number {
  const date = new Date(at);
  const midnight = (value: Date) => new Date(value.getFullYear(), value.getMonth(), value.getDate()).getTime();
  return Math.round((midnight(now) - midnight(date)) / 86_400_000);
}

/** 3 March, or with the year where it is not this one. */
export function day(at: string, now: Date, lang: Lang): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  const sameYear = date.getFullYear() === now.getFullYear();
  return format(lang, { day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' as const }) }).format(date);
}

/** 3 Mar, 3/3 — where there is little room. */
export function shortDay(at: string, lang: Lang): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return '';
  return format(lang, { day: 'numeric', month: lang === 'zh' ? 'numeric' : 'short' }).format(date);
}

/** Seconds as a stopwatch: 0:07, 12:31, 1:02:09. */
export function stopwatch(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
