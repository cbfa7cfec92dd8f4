/** Finds reservations that stayed open: those whose job never appeared, and those that were not settled at its end. */
import { releaseCredits } from '#contracts/domain/account.js';
import { isEnded, type Job } from '#contracts/domain/job.js';
import { settleJob } from '#contracts/domain/settlement.js';
import { JOB_STREAM_MAX_AGE_MS } from '#contracts/limits.js';
import { isOutage } from '#eventing/errors.js';
import type { JobStore } from '#eventing/job-store.js';
import type { Log } from '#service-kit/log.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';
import type { Sql } from '../database/database.js';
import { grouped } from '../event-log/histories.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';
import type { AccountSettler, Settlement } from './account-settler.js';
import { inParallel } from './in-parallel.js';

const INTERVAL_MS = 5_000;
/**
 * How long a reservation may stay without its job. A gateway tries to store the request for 15 s and waits 2 s for the
 * last answer; what it has not stored by then it never stores.
 */
export const RESERVATION_GRACE_MS = 30_000;
/** The oldest first; the next sweep goes on where this one ended, so that what cannot be settled is in nobody's way. */
const MOST_PER_SWEEP = 500;
const ACCOUNTS_AT_ONCE = 16;

interface Surroundings {
  readonly sql: Sql;
  readonly store: JobStore;
  readonly settler: AccountSettler;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly metrics: JobsMetrics;
  readonly log: Log;
}

interface Candidate {
  readonly account_key: string;
  readonly job_id: string;
  /** ISO 8601. */
  readonly since: string;
  /** The job as the projection knows it. */
  readonly state: Job | null;
  /** Whether the job was charged before: then a request that came twice made a second reservation. */
  readonly charged: boolean;
}

const FROM_THE_OLDEST = { since: '', job_id: '' };

export class ReservationSweep {
  /** The last one that was looked at. */
  private after: Pick<Candidate, 'since' | 'job_id'> = FROM_THE_OLDEST;

  constructor(
    private readonly around: Surroundings,
    private readonly most = MOST_PER_SWEEP,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    await repeatedly({ what: 'reservations', log: this.around.log, signal }, async () => {
      if ((await this.sweep(signal)).length === this.most) return;
      await pauseUnlessAborted(INTERVAL_MS, signal);
    });
  }

  /** One sweep; resolves with the jobs whose reservations it ended. */
  async sweep(signal: AbortSignal): Promise<string[]> {
    const done: string[] = [];
    const accounts = grouped(await this.candidates(), (candidate) => candidate.account_key);
    await inParallel(accounts, { atOnce: ACCOUNTS_AT_ONCE, signal }, async ([key, candidates]) => {
      done.push(...(await this.settle(key, candidates)));
    });
    this.around.metrics.reservationSweeps.inc();
    return done;
  }

  /** By what the projections know, which may be behind: they propose, the streams decide. */
  private async candidates(): Promise<Candidate[]> {
    const now = this.around.clock();
    const rows = await this.around.sql.query<Candidate>(CANDIDATES, [
      new Date(now - RESERVATION_GRACE_MS),
      new Date(now - JOB_STREAM_MAX_AGE_MS),
      this.after.since,
      this.after.job_id,
      this.most,
    ]);
    const last = rows.at(-1);
    this.after = last && rows.length === this.most ? last : FROM_THE_OLDEST;
    return rows;
  }

  private async settle(accountKey: string, candidates: readonly Candidate[]): Promise<string[]> {
    const { settler, metrics, log } = this.around;
    const done: string[] = [];
    try {
      const settlements = await Promise.all(candidates.map((candidate) => this.settlementOf(candidate, done)));
      await settler.settle(accountKey, settlements.flat());
    } catch (error) {
      if (isOutage(error)) throw error;
      metrics.settlementFailures.inc();
      log.error({ err: error, accountKey }, 'the open reservations of an account could not be settled');
    }
    return done;
  }

  /** Nothing for a job that is still to end. One that is older than the stream is as the projection has it. */
  private async settlementOf({ job_id: jobId, state, charged }: Candidate, done: string[]): Promise<Settlement[]> {
    const { store, metrics, log } = this.around;
    const job = await store.load(jobId);
    if (job && !isEnded(job)) return [];
    const known = job ?? state;
    const ended = known && isEnded(known) && !charged ? known : undefined;
    const decide: Settlement['decide'] = (account) =>
      ended ? settleJob(account, ended) : releaseCredits(account, jobId);
    const settled: Settlement['settled'] = ({ type }) => {
      done.push(jobId);
      metrics.settled.inc({ by: 'sweep', event: type });
      log.warn({ jobId, job: known?.status ?? 'unknown', event: type }, 'a reservation had stayed open');
    };
    return [{ jobId, decide, settled }];
  }
}

const CANDIDATES = `
  select account.account_key, open.job_id, open.reservation->>'since' as since, job.state,
         coalesce(usage.status = 'charged', false) as charged
    from accounts account
   cross join lateral jsonb_each(account.reservations) as open (job_id, reservation)
    left join jobs job on job.id = open.job_id::uuid
    left join usage_log usage on usage.job_id = open.job_id::uuid
   where account.reserved > 0
     and (open.reservation->>'since')::timestamptz < $1
     and (job.id is null or job.ended_at < $1 or job.last_event_at < $2)
     and (open.reservation->>'since', open.job_id) > ($3, $4)
   order by since, open.job_id limit $5`;
