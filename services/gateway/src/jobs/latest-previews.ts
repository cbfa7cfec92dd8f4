import { Injectable } from '@nestjs/common';
import type { LivePreview } from '#contracts/live-preview.js';
import { Bus } from '#eventing/bus.js';
import { watchLivePreviews } from '#eventing/live.js';

type Listener = (preview: LivePreview) => void;

interface Followed {
  readonly listeners: Set<Listener>;
  readonly stop: () => void;
  latest?: LivePreview;
}

/** The last picture of what each watched job is becoming: one subscription for a job, however many watch it. */
@Injectable()
export class LatestPreviews {
  private readonly followed = new Map<string, Followed>();

  constructor(private readonly bus: Bus) {}

  /** Calls the listener with the last picture, if there is one, and with each new one; returns what ends that. */
  follow(jobId: string, listener: Listener): () => void {
    const job = this.followed.get(jobId) ?? this.begin(jobId);
    job.listeners.add(listener);
    if (job.latest) listener(job.latest);
    return () => {
      if (job.listeners.delete(listener) && job.listeners.size === 0) this.end(jobId, job);
    };
  }

  private begin(jobId: string): Followed {
    const stop = watchLivePreviews(this.bus, jobId, (preview) => this.take(job, preview));
    const job: Followed = { listeners: new Set(), stop };
    this.followed.set(jobId, job);
    return job;
  }

  private end(jobId: string, job: Followed): void {
    job.stop();
    this.followed.delete(jobId);
  }

  /** One of an attempt that a later one has replaced is dropped. */
  private take(job: Followed, preview: LivePreview): void {
    if (preview.attempt < (job.latest?.attempt ?? 0)) return;
    job.latest = preview;
    for (const listener of job.listeners) listener(preview);
  }
}
