/** What follows from one try to deliver. Pure; times in milliseconds. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How long to wait after each failed try, as Standard Webhooks suggests; after the last one a delivery is given up. */
const WAITS = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
export const MOST_ATTEMPTS = WAITS.length + 1;
/** From the first try to the last one. An event that is older when it is first seen is not announced any more. */
export const RETRYING_MS = WAITS.reduce((sum, wait) => sum + wait);

/** Each wait is up to a tenth longer: deliveries that failed together do not all come back together. */
const JITTER = 0.1;
/** A receiver may ask for a longer wait than ours, within reason. */
const LONGEST_WAIT = 24 * HOUR;
const ASKS_FOR_TIME: readonly number[] = [429, 503];
const GONE = 410;

export type AttemptResult =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterMs?: number }
  /** `error` is for the webhook's owner: it must not tell what lies in our network. */
  | { readonly kind: 'timeout' | 'refused_address' | 'unreachable'; readonly error: string };

/** `gone`: the receiver wants nothing more, ever. */
export type NextStep =
  | { readonly status: 'delivered' }
  | { readonly status: 'pending'; readonly waitMs: number }
  | { readonly status: 'failed'; readonly gone: boolean };

/** `attempt`: the one that had this result, from 1. `random`: from 0 to 1. */
export function nextStep(attempt: number, result: AttemptResult, random: number): NextStep {
  const status = result.kind === 'answered' ? result.status : 0;
  if (status >= 200 && status < 300) return { status: 'delivered' };
  const wait = WAITS[attempt - 1];
  if (status === GONE || wait === undefined) return { status: 'failed', gone: status === GONE };
  const asked = result.kind === 'answered' && ASKS_FOR_TIME.includes(status) ? (result.retryAfterMs ?? 0) : 0;
  const own = Math.round(wait * (1 + JITTER * random));
  return { status: 'pending', waitMs: Math.max(own, Math.min(asked, LONGEST_WAIT)) };
}

/** Why a try failed, for the webhook's owner; null when it did not. */
export function problemOf(result: AttemptResult): string | null {
  if (result.kind !== 'answered') return result.error;
  const { status } = result;
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? `answered ${status}: redirects are not followed` : `answered ${status}`;
}

/** `Retry-After` (RFC 9110, 10.2.3): seconds or a date. Undefined for anything else. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * SECOND;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0);
}
