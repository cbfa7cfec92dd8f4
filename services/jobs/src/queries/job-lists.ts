/** The SQL of the job queries, over the live version of the jobs projection. */
import type { Job } from '#contracts/domain/job.js';
import type { NamedMedia, Queries } from '#contracts/queries.js';
import type { Sql } from '../database/database.js';
import { decodeCursor, Filter, pageLimit, pageOf } from './page.js';

type ListJobs = Queries['jobs.list'];

interface Row {
  readonly id: string;
  readonly created_at: Date;
  readonly state: Job;
}

export async function listJobs(sql: Sql, request: ListJobs['request']): Promise<ListJobs['answer']> {
  const limit = pageLimit(request.limit);
  const { text, values } = listJobsStatement(request);
  const rows = await sql.query<Row>(text, values);
  const page = pageOf(rows, limit, (row) => ({ time: row.created_at.getTime(), id: row.id }));
  return { jobs: page.items.map((row) => row.state), nextCursor: page.nextCursor };
}

/** One row more than asked for tells whether there is another page. */
export function listJobsStatement(request: ListJobs['request']): { text: string; values: unknown[] } {
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  const filter = new Filter()
    .add('account_key = ?', request.accountKey)
    .add('status = ?', request.status)
    .add('job_type = ?', request.jobType)
    .add('project_id = ?::uuid', request.projectId)
    .add('(created_at, id) < (?::timestamptz, ?::uuid)', after && new Date(after.time), after?.id);
  const text = `select id, created_at, state from jobs where ${filter.where}
     order by created_at desc, id desc limit ${pageLimit(request.limit) + 1}`;
  return { text, values: filter.values };
}

export async function getJob(sql: Sql, jobId: string): Promise<Job | null> {
  const [row] = await sql.query<{ state: Job }>('select state from jobs where id = $1', [jobId]);
  return row?.state ?? null;
}

/** The newest job of the account that named the image or the video. */
export async function latestJob(sql: Sql, media: NamedMedia): Promise<string | null> {
  const { text, values } = latestJobStatement(media);
  const [row] = await sql.query<{ id: string }>(text, values);
  return row?.id ?? null;
}

export function latestJobStatement({ accountKey, kind, id }: NamedMedia): { text: string; values: unknown[] } {
  const column = kind === 'image' ? 'image_id' : 'video_id';
  const text = `select id from jobs where account_key = $1 and ${column} = $2
     order by created_at desc, id desc limit 1`;
  return { text, values: [accountKey, id] };
}

export const COUNT_OPEN = `
  select count(*) filter (where status = 'queued') as waiting, count(*) filter (where status = 'processing') as processing
    from jobs where account_key = $1 and status in ('queued', 'processing')`;

export async function countOpen(sql: Sql, accountKey: string): Promise<Queries['jobs.open']['answer']> {
  const [row] = await sql.query<Queries['jobs.open']['answer']>(COUNT_OPEN, [accountKey]);
  return row ?? { waiting: 0, processing: 0 };
}
