import type { ProgressMessage } from '#contracts/progress.js';
import type { Bus } from '#eventing/bus.js';
import { watchProgress } from '#eventing/live.js';
import { BoundedMap } from '../bounded-map.js';

type Listener = (progress: ProgressMessage) => void;

const JOBS_MAX = 10_000;

/** The last word of every running job's worker. A message of an attempt that a later one has replaced is dropped. */
export class LatestProgress {
  private readonly latest = new BoundedMap<string, ProgressMessage>(JOBS_MAX);
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly stopWatching: () => void;

  constructor(bus: Bus) {
    this.stopWatching = watchProgress(bus, '*', (progress) => this.take(progress));
  }

  of(jobId: string): ProgressMessage | undefined {
    return this.latest.get(jobId);
  }

  /** Calls the listener with each new word about a job; returns what ends that. */
  follow(jobId: string, listener: Listener): () => void {
    const listeners = this.listeners.get(jobId) ?? new Set();
    this.listeners.set(jobId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(jobId) === listeners) this.listeners.delete(jobId);
    };
  }

  stop(): void {
    this.stopWatching();
  }

  private take(message: ProgressMessage): void {
    const known = this.latest.get(message.jobId);
    if (known && known.attempt > message.attempt) return;
    // A second enhancer begins anew, and there is no attempt to tell it from the first.
    const percent = known?.attempt === message.attempt ? Math.max(known.percent, message.percent) : message.percent;
    const progress = { ...message, percent };
    this.latest.set(progress.jobId, progress);
    for (const listener of this.listeners.get(progress.jobId) ?? []) listener(progress);
  }
}
