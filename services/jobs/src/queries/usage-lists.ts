/** The SQL of the usage query, over the live version of the usage projection. */
import type { Queries, Usage } from '#contracts/queries.js';
import type { Sql } from '../database/database.js';
import { decodeCursor, Filter, pageLimit, pageOf } from './page.js';

type ListUsage = Queries['usage.list'];

interface Row {
  readonly job_id: string;
  readonly requested_at: Date;
  readonly state: Usage;
}

export async function listUsage(sql: Sql, request: ListUsage['request']): Promise<ListUsage['answer']> {
  const limit = pageLimit(request.limit);
  const { text, values } = listUsageStatement(request);
  const rows = await sql.query<Row>(text, values);
  const page = pageOf(rows, limit, (row) => ({ time: row.requested_at.getTime(), id: row.job_id }));
  return { usage: page.items.map((row) => row.state), nextCursor: page.nextCursor };
}

/**
 * `from` is included, `to` is not. One row more than asked for tells whether there is another page. A reservation whose
 * job never appeared is no usage.
 */
export function listUsageStatement(request: ListUsage['request']): { text: string; values: unknown[] } {
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  const filter = new Filter()
    .add('account_key = ?', request.accountKey)
    .add('job_type = ?', request.jobType)
    .add('requested_at >= ?::timestamptz', request.from)
    .add('requested_at < ?::timestamptz', request.to)
    .add('(requested_at, job_id) < (?::timestamptz, ?::uuid)', after && new Date(after.time), after?.id);
  const text = `select job_id, requested_at, state from usage_log where ${filter.where} and requested_at is not null
     order by requested_at desc, job_id desc limit ${pageLimit(request.limit) + 1}`;
  return { text, values: filter.values };
}
