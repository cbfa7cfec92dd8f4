/** Fails the jobs that nobody else will end: generating for too long, or left by their worker. */
import type { Job, ProcessingJob } from '#contracts/domain/job.js';
import { type Decision, failJob } from '#contracts/domain/job-decisions.js';
import { GENERATION_TIMEOUT_MS, MAX_DELIVERIES, WORKER_SILENCE_MS } from '#contracts/limits.js';
import type { JobStore } from '#eventing/job-store.js';
import type { Log } from '#service-kit/log.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';
import type { Sql } from '../database/database.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';
import { lastEventOf, passedDeadline } from './deadline.js';
import type { SignsOfLife } from './signs-of-life.js';

const INTERVAL_MS = 5_000;
/** The oldest first; the next sweep takes the rest. */
const MOST_PER_SWEEP = 200;

interface Surroundings {
  readonly sql: Sql;
  readonly store: JobStore;
  readonly signs: SignsOfLife;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly metrics: JobsMetrics;
  readonly log: Log;
}

export class DeadlineSweep {
  constructor(private readonly around: Surroundings) {}

  async run(signal: AbortSignal): Promise<void> {
    await repeatedly({ what: 'deadlines', log: this.around.log, signal }, async () => {
      await this.sweep();
      await pauseUnlessAborted(INTERVAL_MS, signal);
    });
  }

  /** One sweep; resolves with the jobs that it failed. */
  async sweep(): Promise<string[]> {
    const { signs, clock, metrics } = this.around;
    const failed: string[] = [];
    for (const candidate of await this.candidates(clock())) {
      if (await this.failIfPassed(candidate)) failed.push(candidate.requested.jobId);
    }
    signs.forgetBefore(clock() - GENERATION_TIMEOUT_MS);
    metrics.sweeps.inc();
    return failed;
  }

  /** By what the projection knows, which may be behind: it proposes, the stream decides. */
  private async candidates(now: number): Promise<ProcessingJob[]> {
    const rows = await this.around.sql.query<{ state: ProcessingJob }>(CANDIDATES, [
      new Date(now - GENERATION_TIMEOUT_MS),
      new Date(now - WORKER_SILENCE_MS),
      MAX_DELIVERIES,
      MOST_PER_SWEEP,
    ]);
    const passed = ({ state }: { state: ProcessingJob }) => this.decide(state).decided === 'append';
    return rows.filter(passed).map((row) => row.state);
  }

  private async failIfPassed({ requested: { jobId } }: ProcessingJob): Promise<boolean> {
    const { store, log, metrics } = this.around;
    const result = await store.execute(jobId, (job) => this.decide(job));
    if (result.outcome === 'refused') {
      log.debug({ jobId, reason: result.reason }, 'the deadline does not matter any more');
      return false;
    }
    const code = result.job.status === 'failed' ? result.job.failed.code : result.job.status;
    log.warn({ jobId, code }, 'a job passed its deadline');
    metrics.deadlinesPassed.inc({ code });
    return true;
  }

  private decide(job: Job | undefined): Decision {
    if (!job) return { decided: 'refuse', reason: 'unknown_job' };
    if (job.status !== 'processing') return { decided: 'refuse', reason: 'already_ended' };
    const { signs, clock } = this.around;
    const { jobId, attempt } = job.started;
    const failure = passedDeadline(job, Math.max(signs.lastOf(jobId, attempt), lastEventOf(job)), clock());
    return failure ? failJob(job, failure, attempt) : { decided: 'refuse', reason: 'stale_attempt' };
  }
}

const CANDIDATES = `
  select state from jobs
   where status = 'processing'
     and (started_at < $1 or (last_event_at < $2 and (state->'started'->>'attempt')::integer >= $3))
   order by started_at limit $4`;
