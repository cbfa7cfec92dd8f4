/** Measures any queue system in the same way. */
import { setTimeout as delay } from 'node:timers/promises';
import { now } from './clock.js';
import type { QueueSystem } from './queue-system.js';
import { medianRate } from './statistics.js';

export interface ThroughputOptions {
  /** Jobs that are kept waiting or running. */
  readonly depth: number;
  /** Jobs that were put in before. */
  readonly present?: number;
  /** Starts the workers, where none run yet. */
  readonly begin?: () => Promise<void>;
  /** Waits at the end until the queue is empty, for the next measurement on the same system. */
  readonly drain?: boolean;
  readonly warmUpMs: number;
  readonly forMs: number;
}

const SUBMITTERS = 64;
const WINDOW_MS = 500;
const PATIENCE_MS = 30_000;

/** Jobs per second from acceptance to stored end, while the queue is kept at its depth. Median of windows. */
export async function throughput(system: QueueSystem, options: ThroughputOptions): Promise<number> {
  let completed = 0;
  let submitted = options.present ?? 0;
  let running = true;
  system.listen({
    started: () => undefined,
    completed: (count) => {
      completed += count;
    },
  });
  await options.begin?.();
  const submitter = async () => {
    while (running) {
      if (submitted - completed >= options.depth) {
        await delay(1);
        continue;
      }
      submitted += 1;
      await system.submit();
    }
  };
  const submitters = Promise.all(Array.from({ length: SUBMITTERS }, submitter));
  const counts = await Promise.race([countsOver(options, () => completed), submitters.then(noCounts)]);
  running = false;
  await submitters;
  if (options.drain) {
    const what = () => `${system.name}: the last of ${submitted} jobs (${submitted - completed} are missing)`;
    await until(what, () => (completed >= submitted ? completed : undefined));
  }
  return medianRate(counts);
}

async function countsOver({ warmUpMs, forMs }: ThroughputOptions, completed: () => number) {
  await delay(warmUpMs);
  const counts = [{ at: performance.now(), count: completed() }];
  for (let window = 0; window < forMs / WINDOW_MS; window++) {
    await delay(WINDOW_MS);
    counts.push({ at: performance.now(), count: completed() });
  }
  return counts;
}

function noCounts(): never {
  throw new Error('the submitters ended early');
}

export interface StartLatency {
  /** From the answer's arrival to the start; negative when the worker was faster than the answer. */
  readonly afterAnswer: number[];
  /** From sending the job to the start. */
  readonly afterSending: number[];
}

/** One job at a time on an idle system. */
export async function startLatency(system: QueueSystem, jobs: number): Promise<StartLatency> {
  const starts = new Map<string, number>();
  let completed = 0;
  system.listen({
    started: (jobId, at) => void starts.set(jobId, at),
    completed: (count) => {
      completed += count;
    },
  });
  const result: StartLatency = { afterAnswer: [], afterSending: [] };
  for (let job = 0; job < jobs; job++) {
    // Not in step with anybody's timers.
    await delay(10 + Math.random() * 40);
    const sentAt = now();
    const jobId = await system.submit();
    const answeredAt = now();
    const at = await until(
      () => `${system.name}: job ${jobId}`,
      () => (completed > job ? starts.get(jobId) : undefined),
    );
    result.afterAnswer.push(at - answeredAt);
    result.afterSending.push(at - sentAt);
  }
  return result;
}

async function until(what: () => string, probe: () => number | undefined): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what()}`);
    await delay(1);
  }
}
