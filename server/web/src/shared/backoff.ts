/** When to try a lost connection again. */

const FIRST_MS = 500;
/** Nobody sits before a dead page for longer than this once the server is back. */
const LONGEST_MS = 5_000;
const RESTART_SPREAD_MS = 1_500;
const TRY_LATER_MS = 4_000;
const RATE_LIMITED_MS = 30_000;

export const CLOSE_POLICY = 1008;
export const CLOSE_TOO_BIG = 1009;
export const CLOSE_RESTART = 1012;
export const CLOSE_TRY_LATER = 1013;

/**
 * Milliseconds to wait before attempt number `attempt` (0 is the first after the loss).
 * Doubles up to a ceiling, with the upper half random, so that the customers of a restarted gateway do not come back as one wave.
 */
export function reconnectDelay(attempt: number, closeCode: number, rateLimited: boolean, random: number): number {
  if (rateLimited) return RATE_LIMITED_MS * (1 + random / 2);
  if (closeCode === CLOSE_RESTART && attempt === 0) return 300 + RESTART_SPREAD_MS * random;
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  const delay = ceiling / 2 + (ceiling / 2) * random;
  return closeCode === CLOSE_TRY_LATER ? Math.max(delay, TRY_LATER_MS + (LONGEST_MS - TRY_LATER_MS) * random) : delay;
}
