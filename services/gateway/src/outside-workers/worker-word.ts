/** What outside workers say, as a command to jobs, and what jobs answers, as an answer to them. */
import type { WorkerWord, WorkerWordAnswer } from '#contracts/commands.js';
import type { Job } from '#contracts/domain/job.js';
import type { Refusal } from '#contracts/domain/job-decisions.js';
import type { ErrorCode } from '#contracts/http/error-codes.js';
import { JobCallbackRequest } from '#contracts/http/outside-workers.js';
import { ERROR_MESSAGE_MAX_CHARACTERS } from '#contracts/limits.js';
import { ApiError } from '../http/api-error.js';
import { checkedBody } from '../http/checked.js';

/** @throws ApiError `invalid_body` */
export function readCallback(body: unknown, publicUrl: string): WorkerWord {
  const said = checkedBody(JobCallbackRequest, body);
  const { job_id, status, assets, error_message, enhancedPrompt, attempt, progress } = said;
  return {
    jobId: job_id.toLowerCase(),
    attempt: attempt ?? undefined,
    status,
    assets: namesOf(assets ?? []),
    errorMessage: error_message ? storable(error_message) : undefined,
    enhancedPrompt: enhancedPrompt || undefined,
    progress: progress && {
      percent: progress.percent,
      stage: progress.stage ?? 'generating',
      step: progress.step ?? 0,
      steps: progress.steps ?? 0,
    },
    publicUrl,
  };
}

/** The job after a word that counts. @throws ApiError when it does not count. */
export function jobAfter(answer: WorkerWordAnswer): Job {
  if (answer.accepted) return answer.job;
  throw wordRefused(answer.reason, answer.job ?? undefined);
}

const REFUSALS: Partial<Record<Refusal, ErrorCode>> = {
  unknown_job: 'unknown_job',
  not_claimed: 'not_claimed',
  stale_attempt: 'stale_attempt',
  already_ended: 'already_ended',
};

export function wordRefused(reason: Refusal, job: Job | undefined): ApiError {
  if (reason === 'unknown_asset') {
    return new ApiError('invalid_body', { details: 'assets names an output that was not sent' });
  }
  const code = REFUSALS[reason];
  if (!code) throw new Error(`jobs refused a worker's word: ${reason}`);
  const attempt = job?.started?.attempt;
  return new ApiError(code, { details: job && `the job is ${job.status}${attempt ? `, attempt ${attempt}` : ''}` });
}

function namesOf(assets: readonly unknown[]): (string | number)[] {
  const isName = (name: unknown) => typeof name === 'string' || Number.isInteger(name);
  if (!assets.every(isName)) throw new ApiError('invalid_body', { details: 'assets must hold keys or indexes' });
  return assets as (string | number)[];
}

/** A report of a failure is not refused for how it is written: what cannot be stored is left out. */
function storable(text: string): string {
  return [...text.toWellFormed().replaceAll('\0', '')].slice(0, ERROR_MESSAGE_MAX_CHARACTERS).join('');
}
