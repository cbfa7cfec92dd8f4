/** How long jobs took lately, from the end of the log. */
import type { JobType } from '#contracts/job-catalogue.js';
import type { RecentDurations } from '#contracts/queries.js';
import type { Sql } from '../database/database.js';

/** Events at the end of the log that are looked at: about a thousand jobs, some ten milliseconds. */
const LOOK_BACK = 10_000;

const RECENT = `select type, subject_id, data from events
   where position > (select position from log_head) - ${LOOK_BACK}`;

/** Medians: one job that a restart held up for an hour says nothing about the next. */
const GENERATION = `select job_type, percentile_cont(0.5) within group (
     order by (recent.data #>> '{timings,generatedMs}')::float + (recent.data #>> '{timings,storedMs}')::float
   ) / 1000 as seconds
   from (${RECENT} and type = $1) recent join jobs on jobs.id = recent.subject_id::uuid group by job_type`;
const ENHANCEMENT = `select percentile_cont(0.5) within group (order by (data ->> 'durationMs')::float) / 1000 as seconds
   from (${RECENT} and type = $1) recent`;

export async function recentDurations(sql: Sql): Promise<RecentDurations> {
  const rows = await sql.query<{ job_type: JobType; seconds: number }>(GENERATION, ['com.ourvidz.job.completed']);
  const [enhancement] = await sql.query<{ seconds: number | null }>(ENHANCEMENT, ['com.ourvidz.job.enhanced']);
  const seconds = Object.fromEntries(rows.map((row) => [row.job_type, row.seconds]));
  return { seconds, enhancementSeconds: enhancement?.seconds ?? null };
}
