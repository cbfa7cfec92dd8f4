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
  const answer = await pollFor(timeoutMs, probe);
  if (answer === undefined) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
  return answer;
}

/** Like {@link pollUntil}, but undefined when nothing came in time. */
export async function pollFor<T>(timeoutMs: number, probe: () => Promise<T | undefined>): Promise<T | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined || performance.now() > deadline) return answer;
    await delay(INTERVAL_MS);
  }
}

/** Whether `work` settled within `timeoutMs`. Rejections are passed on. */
export async function settlesWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  const timer = new AbortController();
  const tooLate = delay(timeoutMs, false, { signal: timer.signal });
  const outcome = await Promise.race([work.then(() => true), tooLate]);
  timer.abort();
  await tooLate.catch(ignoreAbort);
  return outcome;
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
