/**
 * How jobs ended and how long they took, hour by hour: a few hundred rows an hour, however many jobs there are. Durations
 * are kept as histograms, whose sum over any hours tells medians and percentiles.
 */
import type { JobTimings } from '#contracts/events/job-events.js';
import { JOB_PHASES, type JobOutcome, type JobPhase } from '#contracts/queries.js';
import type { Transaction } from '../database/database.js';
import type { LoggedEvent } from '../event-log/logged-event.js';
import type { Projection, TableNames } from './projection.js';

const TAKES = ['JobRequested', 'JobCompleted', 'JobFailed', 'JobCancelled'] as const;
type JobEvent = LoggedEvent<(typeof TAKES)[number]>;

/** Each bucket of a histogram is this much wider than the one before: what its middle says is within 5%. */
export const BUCKET_RATIO = 1.1;

/** How a job ended. */
export interface JobEnd {
  /** The beginning of the hour in which it ended, ISO 8601. */
  readonly hour: string;
  readonly outcome: JobOutcome;
  /** Empty unless it failed. */
  readonly code: string;
  /** Of a completed job. */
  readonly timings?: JobTimings;
}

/** The first end of each job by its id: a job has one, and what comes after changes nothing. */
export function endsIn(events: readonly JobEvent[]): Map<string, JobEnd> {
  const ends = new Map<string, JobEnd>();
  for (const event of events) {
    if (event.type !== 'JobRequested' && !ends.has(event.data.jobId)) ends.set(event.data.jobId, endOf(event));
  }
  return ends;
}

function endOf(event: Exclude<JobEvent, { type: 'JobRequested' }>): JobEnd {
  const hour = `${event.time.slice(0, 13)}:00:00.000Z`;
  switch (event.type) {
    case 'JobCompleted':
      return { hour, outcome: 'completed', code: '', timings: event.data.timings };
    case 'JobFailed':
      return { hour, outcome: 'failed', code: event.data.code };
    case 'JobCancelled':
      return { hour, outcome: 'cancelled', code: '' };
  }
}

/** The bucket of a duration in milliseconds; its middle is `BUCKET_RATIO` to the power of it. */
export function bucketOf(ms: number): number {
  return Math.round(Math.log(Math.max(1, ms)) / Math.log(BUCKET_RATIO));
}

export const queueStatisticsProjection: Projection = {
  name: 'queue-statistics',
  version: 1,
  takes: TAKES,
  tables: ['counted_jobs', 'hourly_outcomes', 'hourly_durations'],
  createTables,
  apply,
};

async function createTables(tx: Transaction, named: TableNames): Promise<void> {
  // The end of a job does not say of which type it is; and what was counted once is not counted again.
  await tx.query(`create table ${named('counted_jobs')} (
    job_id uuid primary key,
    job_type text not null,
    counted boolean not null default false
  )`);
  await tx.query(`create table ${named('hourly_outcomes')} (
    hour timestamptz not null,
    job_type text not null,
    outcome text not null,
    code text not null,
    jobs bigint not null,
    primary key (hour, job_type, outcome, code)
  )`);
  await tx.query(`create table ${named('hourly_durations')} (
    hour timestamptz not null,
    job_type text not null,
    phase text not null,
    bucket smallint not null,
    jobs bigint not null,
    total_ms bigint not null,
    longest_ms bigint not null,
    primary key (hour, job_type, phase, bucket)
  )`);
}

async function apply(tx: Transaction, named: TableNames, events: readonly LoggedEvent[]): Promise<void> {
  await rememberTypes(tx, named, events as readonly JobEvent[]);
  const ends = endsIn(events as readonly JobEvent[]);
  const uncounted = await takeUncounted(tx, named, [...ends.keys()]);
  const counted = uncounted.flatMap(({ job_id, job_type }) => {
    const end = ends.get(job_id);
    return end ? [{ ...end, job_type }] : [];
  });
  await countOutcomes(tx, named, counted);
  await countDurations(tx, named, counted);
}

type CountedJob = JobEnd & { readonly job_type: string };

async function rememberTypes(tx: Transaction, named: TableNames, events: readonly JobEvent[]): Promise<void> {
  const requests = events.flatMap((event) => (event.type === 'JobRequested' ? [event.data] : []));
  if (requests.length === 0) return;
  await tx.query(
    `insert into ${named('counted_jobs')} (job_id, job_type) select * from unnest($1::uuid[], $2::text[])
     on conflict do nothing`,
    [requests.map(({ jobId }) => jobId), requests.map(({ jobType }) => jobType)],
  );
}

/** Those that were not counted before; from now on they are. */
async function takeUncounted(tx: Transaction, named: TableNames, jobIds: readonly string[]) {
  if (jobIds.length === 0) return [];
  return tx.query<{ job_id: string; job_type: string }>(
    `update ${named('counted_jobs')} set counted = true where job_id = any($1::uuid[]) and not counted
     returning job_id, job_type`,
    [jobIds],
  );
}

async function countOutcomes(tx: Transaction, named: TableNames, jobs: readonly CountedJob[]): Promise<void> {
  if (jobs.length === 0) return;
  await tx.query(
    `insert into ${named('hourly_outcomes')} as old (hour, job_type, outcome, code, jobs)
     select hour, job_type, outcome, code, count(*)
       from jsonb_to_recordset($1::jsonb) as new (hour timestamptz, job_type text, outcome text, code text)
      group by hour, job_type, outcome, code
     on conflict (hour, job_type, outcome, code) do update set jobs = old.jobs + excluded.jobs`,
    [JSON.stringify(jobs)],
  );
}

async function countDurations(tx: Transaction, named: TableNames, jobs: readonly CountedJob[]): Promise<void> {
  const durations = jobs.flatMap(({ hour, job_type, timings }) =>
    timings ? JOB_PHASES.map((phase) => ({ hour, job_type, phase, ...measured(timings, phase) })) : [],
  );
  if (durations.length === 0) return;
  await tx.query(
    `insert into ${named('hourly_durations')} as old (hour, job_type, phase, bucket, jobs, total_ms, longest_ms)
     select hour, job_type, phase, bucket, count(*), sum(ms), max(ms)
       from jsonb_to_recordset($1::jsonb)
            as new (hour timestamptz, job_type text, phase text, bucket smallint, ms bigint)
      group by hour, job_type, phase, bucket
     on conflict (hour, job_type, phase, bucket) do update set
       jobs = old.jobs + excluded.jobs, total_ms = old.total_ms + excluded.total_ms,
       longest_ms = greatest(old.longest_ms, excluded.longest_ms)`,
    [JSON.stringify(durations)],
  );
}

function measured(timings: JobTimings, phase: JobPhase): { ms: number; bucket: number } {
  const ms = timings[`${phase}Ms`];
  return { ms, bucket: bucketOf(ms) };
}
