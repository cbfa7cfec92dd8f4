/** A running job's progress: full snapshots, at most four a second, and at least one every few seconds. */
import { PROGRESS_INTERVAL_MS, WORKING_INTERVAL_MS } from '#contracts/limits.js';
import type { ProgressMessage } from '#contracts/progress.js';

export class ProgressReporter {
  private latest: ProgressMessage;
  private sentAt = 0;
  private pending: NodeJS.Timeout | undefined;
  private readonly heartbeat: NodeJS.Timeout;

  /** `about` names the job, the attempt and, unless it is `loading`, the first stage. Starts with nothing done yet. */
  constructor(
    about: Pick<ProgressMessage, 'jobId' | 'attempt'> & Partial<Pick<ProgressMessage, 'stage'>>,
    private readonly send: (progress: ProgressMessage) => void,
  ) {
    this.latest = { stage: 'loading', ...about, percent: 0, step: 0, steps: 0 };
    this.heartbeat = setInterval(() => this.flush(), WORKING_INTERVAL_MS);
  }

  /** The newest snapshot wins; percent never falls. */
  report(progress: Omit<ProgressMessage, 'jobId' | 'attempt'>): void {
    const percent = Math.max(progress.percent, this.latest.percent);
    this.latest = { ...this.latest, ...progress, percent };
    this.pending ??= setTimeout(() => this.flush(), Math.max(0, this.sentAt + PROGRESS_INTERVAL_MS - Date.now()));
  }

  close(): void {
    clearTimeout(this.pending);
    clearInterval(this.heartbeat);
  }

  private flush(): void {
    clearTimeout(this.pending);
    this.pending = undefined;
    this.sentAt = Date.now();
    this.send(this.latest);
  }
}
