import { setTimeout as delay } from 'node:timers/promises';

/** How often a readiness signal is looked at, in milliseconds. */
const INTERVAL_MS = 5;

/**
 * Asks `probe` again and again until it answers something.
 *
 * @param what names the thing waited for, for the error
 * @throws when `probe` throws, or when nothing came within `timeoutMs`
 */
export async function pollUntil<T>(what: string, timeoutMs: number, probe: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await delay(INTERVAL_MS);
  }
}

/** Whether `work` settled within `timeoutMs`. Rejections are passed on. */
export async function settlesWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const tooLate = delay(timeoutMs, false, { signal: timer.signal, ref: true });
  const outcome = await Promise.race([work.then(() => true), tooLate]);
  timer.abort();
  await tooLate.catch(ignoreAbort);
  return outcome;
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
