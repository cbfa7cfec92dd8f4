/** Turns the ends of jobs into charges and releases, as the log tells of them. */

import { type EndedJob, evolve, isEnded, type Job } from '#contracts/domain/job.js';
import { settleJob } from '#contracts/domain/settlement.js';
import { JOB_END_TYPES, type JobHistoryEvent } from '#contracts/events/registry.js';
import { isOutage } from '#eventing/errors.js';
import type { Log } from '#service-kit/log.js';
import type { Database, Sql } from '../database/database.js';
import { Doorbell } from '../doorbell.js';
import { grouped } from '../event-log/histories.js';
import { readHead } from '../event-log/log-statements.js';
import { type LoggedEvent, readLog, readSubjects } from '../event-log/logged-event.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';
import type { AccountSettler, Settlement } from './account-settler.js';
import { inParallel } from './in-parallel.js';

const BATCH_POSITIONS = 500;
/** Accounts that are settled at the same time. */
const ACCOUNTS_AT_ONCE = 64;
/** The writer of another process rings no bell here. */
const POLL_MS = 2_000;

interface Surroundings {
  readonly database: Database;
  readonly settler: AccountSettler;
  readonly metrics: JobsMetrics;
  readonly log: Log;
}

/**
 * Follows the log with a checkpoint of its own, which moves when a batch is done: after a crash a batch is done again, and
 * finds no reservation where it was done before. What cannot be done for any other reason than an outage is left to the
 * sweep over open reservations.
 */
export class JobSettlement {
  /** Rings when the log has grown. */
  readonly bell = new Doorbell();

  constructor(private readonly around: Surroundings) {}

  async run(signal: AbortSignal): Promise<void> {
    await repeatedly({ what: 'settlement', log: this.around.log, signal }, async () => {
      if (await this.advance(signal)) return;
      await this.bell.wait(POLL_MS, signal);
    });
  }

  /** Settles what ended in the next batch of the log; false when there is nothing left. */
  async advance(signal: AbortSignal): Promise<boolean> {
    const { database, metrics } = this.around;
    const after = await readPlace(database);
    const head = await readHead(database);
    const upTo = Math.min(head, after + BATCH_POSITIONS);
    metrics.settlementBehind.set(head - upTo);
    if (upTo <= after) return false;
    const ended = await endedJobs(database, { after, upTo });
    const accounts = grouped(ended, (job) => job.requested.accountKey);
    await inParallel(accounts, { atOnce: ACCOUNTS_AT_ONCE, signal }, ([key, jobs]) => this.settle(key, jobs));
    await this.moveTo(upTo);
    return true;
  }

  private async settle(accountKey: string, jobs: readonly EndedJob[]): Promise<void> {
    const { settler, metrics, log } = this.around;
    try {
      await settler.settle(
        accountKey,
        jobs.map((job) => this.settlementOf(job)),
      );
    } catch (error) {
      if (isOutage(error)) throw error;
      metrics.settlementFailures.inc();
      log.error({ err: error, accountKey }, 'an account could not be settled; the sweep will try again');
    }
  }

  private settlementOf(job: EndedJob): Settlement {
    const { settled, settlementLag } = this.around.metrics;
    return {
      jobId: job.requested.jobId,
      decide: (account) => settleJob(account, job),
      settled: ({ type }) => {
        settled.inc({ by: 'log', event: type });
        settlementLag.observe(Math.max(Date.now() - Date.parse(job.endedAt), 0) / 1_000);
      },
    };
  }

  /** Without a flush of its own: a batch that is done again does nothing. */
  private moveTo(position: number): Promise<unknown> {
    const move = 'update settlement_checkpoint set position = greatest(position, $1)';
    return this.around.database.transaction((tx) => tx.query(move, [position]), 'soon');
  }
}

async function readPlace(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ position: number }>('select position from settlement_checkpoint');
  if (!row) throw new Error('settlement_checkpoint has no row');
  return row.position;
}

/** The jobs that ended in a range of the log, in its order. Without its request in the log nobody knows whose one was. */
async function endedJobs(sql: Sql, range: { after: number; upTo: number }): Promise<EndedJob[]> {
  const ends = (await readLog(sql, range, JOB_END_TYPES)) as LoggedEvent<JobHistoryEvent['type']>[];
  if (ends.length === 0) return [];
  const ids = ends.map((end) => end.data.jobId);
  const requests = await readSubjects(sql, ids, 'JobRequested');
  const jobs = new Map(requests.map((request) => [request.data.jobId, evolve(undefined, request)]));
  return ends.flatMap((end) => endedBy(jobs.get(end.data.jobId), end));
}

function endedBy(job: Job | undefined, end: JobHistoryEvent): EndedJob | [] {
  const ended = evolve(job, end);
  return ended && isEnded(ended) ? ended : [];
}
