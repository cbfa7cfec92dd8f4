/** The SQL of the past: one job, and the queues, as they were at a moment. By the events' own times, to the millisecond. */
import { evolve, type Job } from '#contracts/domain/job.js';
import { JOB_HISTORY_TYPES, type JobHistoryEvent } from '#contracts/events/registry.js';
import { JOB_CATALOGUE, type JobType, QUEUE_NAMES, type QueueName } from '#contracts/job-catalogue.js';
import type { PastQueue, Queries, RecentDurations } from '#contracts/queries.js';
import type { Sql } from '../database/database.js';
import { readSubjects, unversioned } from '../event-log/logged-event.js';

type PastQueues = Queries['queues.past'];

/** Null for a job that was not requested by then. */
export async function pastJob(sql: Sql, jobId: string, at: string): Promise<Job | null> {
  const events = (await readSubjects(sql, [jobId], ...JOB_HISTORY_TYPES)) as readonly JobHistoryEvent[];
  const until = Date.parse(at);
  const history = events.filter(({ time }) => Date.parse(time) <= until);
  return history.reduce<Job | undefined>(evolve, undefined) ?? null;
}

interface OpenRow {
  readonly job_type: JobType;
  readonly account_key: string;
  /** Null while nobody has begun. */
  readonly worker: string | null;
}

/** Jobs that were open, and who had each. Those begun more than once had another worker before. */
export const OPEN_AT = `
  select job_type, account_key, start.worker from jobs
    left join lateral (
      select data->>'worker' as worker from events
       where subject_id = jobs.id::text and type = '${unversioned('JobStarted')}' and occurred_at <= $1
       order by position desc limit 1
    ) start on true
   where lifetime @> $1::timestamptz`;

export async function pastQueues(sql: Sql, { at, accountKey }: PastQueues['request']): Promise<PastQueues['answer']> {
  const open = await sql.query<OpenRow>(OPEN_AT, [at]);
  const queues = QUEUE_NAMES.map((queue) => {
    return [queue, numbersOf(open.filter(({ job_type }) => JOB_CATALOGUE[job_type].queue === queue))] as const;
  });
  const { waiting, processing } = numbersOf(open.filter(({ account_key }) => account_key === accountKey));
  return {
    queues: Object.fromEntries(queues) as Record<QueueName, PastQueue>,
    mine: { waiting, processing },
    durations: await durationsBefore(sql, at),
  };
}

function numbersOf(open: readonly OpenRow[]): PastQueue {
  const workers = open.flatMap(({ worker }) => worker ?? []);
  return {
    waiting: open.length - workers.length,
    processing: workers.length,
    workers: new Set(workers).size,
  };
}

/** Completed in the hour before. */
const COMPLETED = `from jobs
   where lifetime && tstzrange($1::timestamptz - interval '1 hour', $1, '[]') and status = 'completed' and ended_at <= $1`;

export const DURATIONS_BEFORE = `
  select job_type, percentile_cont(0.5) within group (
           order by (state #>> '{completed,timings,generatedMs}')::float + (state #>> '{completed,timings,storedMs}')::float
         ) / 1000 as seconds ${COMPLETED} group by job_type`;
const ENHANCEMENT_BEFORE = `
  select percentile_cont(0.5) within group (order by (state #>> '{enhanced,durationMs}')::float) / 1000 as seconds
    ${COMPLETED}`;

async function durationsBefore(sql: Sql, at: string): Promise<RecentDurations> {
  const rows = await sql.query<{ job_type: JobType; seconds: number }>(DURATIONS_BEFORE, [at]);
  const [enhancement] = await sql.query<{ seconds: number | null }>(ENHANCEMENT_BEFORE, [at]);
  const seconds = Object.fromEntries(rows.map((row) => [row.job_type, row.seconds]));
  return { seconds, enhancementSeconds: enhancement?.seconds ?? null };
}
