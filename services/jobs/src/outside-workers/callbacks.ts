/** What outside workers say about their jobs, turned into events. Any instance takes any word: the stream decides. */
import type { Commands, WorkerWord, WorkerWordAnswer } from '#contracts/commands.js';
import { isEnded, type Job } from '#contracts/domain/job.js';
import type { Decision } from '#contracts/domain/job-decisions.js';
import {
  completeOutside,
  enhanceOutside,
  failOutside,
  outsideRefusal,
  storeOutsideAsset,
  takesEnhancedPrompt,
} from '#contracts/domain/outside-work.js';
import type { JobFailureCode } from '#contracts/http/error-codes.js';
import { assetPath, isUuid } from '#contracts/ids.js';
import type { ProgressMessage } from '#contracts/progress.js';
import type { Bus } from '#eventing/bus.js';
import type { ExecuteResult, JobStore } from '#eventing/job-store.js';
import { publishProgress } from '#eventing/live.js';

const BEGUN: Omit<ProgressMessage, 'jobId' | 'attempt'> = { percent: 0, stage: 'generating', step: 0, steps: 0 };
const SAID_NOTHING = 'The worker failed and did not say why.';

export class Callbacks {
  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
  ) {}

  async storeAsset({ jobId, attempt, asset }: Commands['worker.asset']['request']): Promise<WorkerWordAnswer> {
    const result = await this.store.execute(jobId, (job) => storeOutsideAsset(job, attempt, asset));
    if (result.outcome === 'appended') return accepted(result.job);
    return result.reason === 'unchanged' && result.job ? accepted(result.job) : refused(result);
  }

  async hear(word: WorkerWord): Promise<WorkerWordAnswer> {
    if (!isUuid(word.jobId)) return { accepted: false, reason: 'unknown_job', job: null };
    const job = await this.store.load(word.jobId);
    const reason = outsideRefusal(job, word.attempt);
    if (reason === 'already_ended' && job && says(word, job)) return accepted(job);
    if (reason || !job) return { accepted: false, reason: reason ?? 'unknown_job', job: job ?? null };
    await this.keepPrompt(word, job);
    return word.status === 'processing' ? this.goOn(word, job) : this.end(word);
  }

  /** The reference keeps the prompt that a worker enhanced beside the job. */
  private async keepPrompt({ jobId, attempt, enhancedPrompt }: WorkerWord, job: Job): Promise<void> {
    if (enhancedPrompt === undefined || !takesEnhancedPrompt(job, enhancedPrompt)) return;
    await this.store.execute(jobId, (current) => enhanceOutside(current, attempt, enhancedPrompt));
  }

  /** Progress is a sign of life: whoever has the lease extends it. */
  private goOn({ jobId, progress }: WorkerWord, job: Job): WorkerWordAnswer {
    publishProgress(this.bus, { ...BEGUN, ...progress, jobId, attempt: job.started?.attempt ?? 0 });
    return accepted(job);
  }

  private async end(word: WorkerWord): Promise<WorkerWordAnswer> {
    const result = await this.store.execute(word.jobId, (job) => ending(word, job));
    if (result.outcome === 'appended') return accepted(result.job);
    return result.job && says(word, result.job) ? accepted(result.job) : refused(result);
  }
}

function ending({ status, attempt, assets, errorMessage, publicUrl }: WorkerWord, job: Job | undefined): Decision {
  if (status === 'failed') return failOutside(job, attempt, errorMessage ?? SAID_NOTHING);
  const urlOf = (key: string) => `${publicUrl}${assetPath(key)}`;
  return completeOutside(job, { attempt, named: assets, now: Date.now(), urlOf });
}

/** Whether the job ended as the word says: then it was heard before, and its answer got lost. */
function says({ status, assets }: WorkerWord, job: Job): boolean {
  if (!isEnded(job)) return false;
  if (status !== 'completed' || assets.length > 0) return job.status === status;
  return job.status === 'failed' && job.failed.code === ('completed_without_assets' satisfies JobFailureCode);
}

function accepted(job: Job): WorkerWordAnswer {
  return { accepted: true, job };
}

function refused({ reason, job }: Extract<ExecuteResult, { outcome: 'refused' }>): WorkerWordAnswer {
  return { accepted: false, reason, job: job ?? null };
}
