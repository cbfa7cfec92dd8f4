import type { CancelledJob } from '#contracts/domain/job.js';
import type { JobStore } from '#eventing/job-store.js';
import type { Log } from '#service-kit/log.js';

export interface CancellationPorts {
  readonly store: JobStore;
  readonly log: Log;
  /** Calls back when somebody asks to cancel the job; returns what ends that. */
  readonly onCancel: (jobId: string, listener: () => void) => () => void;
}

/**
 * Calls back when the job is cancelled while somebody works at it; returns what ends that. A message alone cancels
 * nothing: only a stored JobCancelled does. One that cannot be confirmed is found out by the next append.
 */
export function whenCancelled(
  ports: CancellationPorts,
  jobId: string,
  onCancelled: (job: CancelledJob) => void,
): () => void {
  const confirm = async () => {
    const job = await ports.store.load(jobId);
    if (job?.status === 'cancelled') onCancelled(job);
  };
  return ports.onCancel(jobId, () => {
    confirm().catch((error: unknown) =>
      ports.log.warn({ err: error, jobId }, 'a cancel request could not be confirmed'),
    );
  });
}
