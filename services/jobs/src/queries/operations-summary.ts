/** The SQL of the summary for operators, over the live version of the queue statistics: it reads hours, never jobs. */
import type { JobType } from '#contracts/job-catalogue.js';
import { SUMMARY_HOURS_MAX } from '#contracts/limits.js';
import type { JobOutcome, JobPhase, OperationsSummary } from '#contracts/queries.js';
import type { Sql } from '../database/database.js';
import { BUCKET_RATIO } from '../projections/queue-statistics.projection.js';

type Duration = OperationsSummary['durations'][number];

const HOUR_MS = 3_600_000;

export const OUTCOMES = `select job_type as "jobType", outcome, code, sum(jobs)::bigint as jobs
   from hourly_outcomes where hour >= $1 group by job_type, outcome, code order by jobs desc, job_type, outcome, code`;

export const HOURS = `select hour, outcome, sum(jobs)::bigint as jobs
   from hourly_outcomes where hour >= $1 group by hour, outcome`;

/** By job type and phase, and by phase alone. A percentile is the bucket in which its job lies. */
export const DURATIONS = `with histogram as (
     select job_type, phase, bucket, sum(jobs) as jobs, sum(total_ms) as total_ms, max(longest_ms) as longest_ms
       from hourly_durations where hour >= $1
      group by grouping sets ((job_type, phase, bucket), (phase, bucket))
   ), running as (
     select *, sum(jobs) over (partition by job_type, phase order by bucket) as up_to,
            sum(jobs) over (partition by job_type, phase) as in_all
       from histogram
   )
   select job_type, phase,
          (sum(total_ms) / max(in_all))::float8 as average,
          power(${BUCKET_RATIO}, min(bucket) filter (where up_to >= in_all * 0.5))::float8 as median,
          power(${BUCKET_RATIO}, min(bucket) filter (where up_to >= in_all * 0.95))::float8 as p95,
          max(longest_ms)::float8 as longest
     from running group by job_type, phase`;

interface DurationRow {
  readonly job_type: JobType | null;
  readonly phase: JobPhase;
  /** Milliseconds, like the others. */
  readonly average: number;
  readonly median: number;
  readonly p95: number;
  readonly longest: number;
}

interface HourRow {
  readonly hour: Date;
  readonly outcome: JobOutcome;
  readonly jobs: number;
}

/** `now`: milliseconds since 1970. */
export async function operationsSummary(sql: Sql, wantedHours: number, now: number): Promise<OperationsSummary> {
  const hours = Math.min(Math.max(Math.trunc(wantedHours) || 1, 1), SUMMARY_HOURS_MAX);
  const thisHour = Math.floor(now / HOUR_MS) * HOUR_MS;
  const starts = Array.from({ length: hours }, (_, before) => iso(thisHour - before * HOUR_MS));
  const since = iso(thisHour - (hours - 1) * HOUR_MS);
  const outcomes = await sql.query<OperationsSummary['outcomes'][number]>(OUTCOMES, [since]);
  const durations = await sql.query<DurationRow>(DURATIONS, [since]);
  const ended = await sql.query<HourRow>(HOURS, [since]);
  return { since, outcomes, durations: durations.map(durationOf), hours: hourly(starts, ended) };
}

function durationOf({ job_type, phase, longest, average, median, p95 }: DurationRow): Duration {
  // The middle of the highest bucket may lie above all that is in it.
  const seconds = (ms: number) => Math.min(ms, longest) / 1000;
  const all = { average: seconds(average), median: seconds(median), p95: seconds(p95), longest: longest / 1000 };
  return { jobType: job_type, phase, seconds: all };
}

/** Hours in which nothing ended are there too. */
function hourly(starts: readonly string[], rows: readonly HourRow[]): OperationsSummary['hours'] {
  const jobs = new Map(rows.map(({ hour, outcome, jobs }) => [`${hour.toISOString()} ${outcome}`, jobs]));
  const count = (hour: string, outcome: JobOutcome) => jobs.get(`${hour} ${outcome}`) ?? 0;
  return starts.map((hour) => {
    const [completed, failed] = [count(hour, 'completed'), count(hour, 'failed')];
    return { hour, completed, failed, cancelled: count(hour, 'cancelled') };
  });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
