/** Loops that live as long as their process or their term, and go on after a failure. */
import type { Log } from '#service-kit/log.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

export interface Repetition {
  /** For the log. */
  readonly what: string;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Failures that end the loop instead of being retried. */
  readonly endsWith?: (error: unknown) => boolean;
}

/** Runs `pass` again and again until aborted. After a failed one it waits, longer each time, and tells only of the first. */
export async function repeatedly(repetition: Repetition, pass: () => Promise<void>): Promise<void> {
  let failures = 0;
  while (!repetition.signal.aborted) {
    try {
      await pass();
      if (failures > 0) repetition.log.info({ failures }, `${repetition.what}: works again`);
      failures = 0;
    } catch (error) {
      failures++;
      await afterFailure(repetition, error, failures);
    }
  }
}

/** Runs `attempt` until it succeeds once; undefined when it was aborted before. */
export async function untilDone<T>(repetition: Repetition, attempt: () => Promise<T>): Promise<T | undefined> {
  const done = new AbortController();
  let result: T | undefined;
  const signal = AbortSignal.any([repetition.signal, done.signal]);
  await repeatedly({ ...repetition, signal }, async () => {
    result = await attempt();
    done.abort();
  });
  return result;
}

async function afterFailure({ what, log, signal, endsWith }: Repetition, error: unknown, failures: number) {
  if (endsWith?.(error)) throw error;
  if (signal.aborted) return log.debug({ err: error }, `${what}: ended while stopping`);
  const level = failures === 1 ? 'warn' : 'debug';
  log[level]({ err: error, failures }, `${what}: failed, will try again`);
  await pauseUnlessAborted(Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS), signal);
}
