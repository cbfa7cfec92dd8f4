/** A job whose message no worker could deal with has failed; one that no enhancer could deal with goes on without it. */
import type { Job } from '#contracts/domain/job.js';
import { type Decision, enhancePrompt, type Failure, failJob } from '#contracts/domain/job-decisions.js';
import { MAX_DELIVERIES } from '#contracts/limits.js';
import { workConsumer } from '#contracts/streams.js';
import { LANES } from '#contracts/subjects.js';
import type { DeadLetter } from '#eventing/dead-letters.js';
import { isOutage } from '#eventing/errors.js';
import { done, type Handled, retryAfter } from '#eventing/handled.js';
import type { JobStore } from '#eventing/job-store.js';
import type { Log } from '#service-kit/log.js';
import type { JobsMetrics } from '../metrics.js';

const RETRY_MS = 5_000;
const ENHANCER_CONSUMERS: readonly string[] = LANES.map((lane) => workConsumer('enhancer', lane).name);

export class DeadLetterHandler {
  constructor(
    private readonly store: JobStore,
    private readonly metrics: JobsMetrics,
    private readonly log: Log,
  ) {}

  /** Ends the letter's job as failed, or lets it go on with its own prompt, unless it has ended already. */
  async handle(letter: DeadLetter): Promise<Handled> {
    const outcome = await this.outcomeOf(letter);
    this.metrics.deadLetters.inc({ reason: letter.reason, outcome });
    this.log.warn({ ...letter, outcome }, 'dead letter');
    return outcome === 'unavailable' ? retryAfter(RETRY_MS) : done();
  }

  private async outcomeOf(letter: DeadLetter): Promise<string> {
    if (!letter.jobId) return 'no job';
    try {
      const result = await this.store.execute(letter.jobId, (job) => decisionOn(job, letter));
      if (result.outcome === 'refused') return result.reason;
      return result.event.type === 'PromptEnhanced' ? 'enhancement skipped' : 'job failed';
    } catch (error) {
      if (isOutage(error)) return 'unavailable';
      throw error;
    }
  }
}

/** Without an enhanced prompt a job can still be made: no reason to fail it. */
function decisionOn(job: Job | undefined, letter: DeadLetter): Decision {
  if (!isOfEnhancer(letter)) return failJob(job, failureOf(letter));
  return enhancePrompt(job, { skipped: 'given_up', model: 'none', durationMs: 0 });
}

export function isOfEnhancer({ consumer }: Pick<DeadLetter, 'consumer'>): boolean {
  return ENHANCER_CONSUMERS.includes(consumer);
}

/** What a dead letter means to the one who asked for the job. */
export function failureOf({ reason, detail }: Pick<DeadLetter, 'reason' | 'detail'>): Failure {
  if (reason === 'terminated') {
    return { code: 'rejected', message: detail || 'The worker cannot make this job.', retryable: false };
  }
  const cause = detail ? ` (${detail})` : '';
  const message = `The job was given to a worker ${MAX_DELIVERIES} times and never ended${cause}.`;
  return { code: 'max_deliveries', message, retryable: true };
}
