/** The SQL of a job's history, from the log itself. */
import { JOB_HISTORY_TYPES, type JobHistoryEvent } from '#contracts/events/registry.js';
import type { Queries } from '#contracts/queries.js';
import { JOB_STREAM } from '#contracts/streams.js';
import { QueryRefusedError } from '#eventing/request-reply.js';
import type { Sql } from '../database/database.js';
import { readSubject } from '../event-log/logged-event.js';
import { fitting, pageLimit } from './page.js';

type History = Queries['jobs.history'];

/** The cursor is the position of the last event of the page before. */
const POSITION = /^[1-9]\d{0,14}$/;

export async function jobHistory(sql: Sql, request: History['request']): Promise<History['answer']> {
  const limit = pageLimit(request.limit);
  const about = { stream: JOB_STREAM.name, subjectId: request.jobId, after: positionOf(request.cursor) };
  const rows = await readSubject(sql, about, JOB_HISTORY_TYPES, limit + 1);
  const page = fitting(rows.slice(0, limit));
  const last = page.at(-1);
  const nextCursor = last && rows.length > page.length ? String(last.position) : null;
  return { events: page.map(({ position, subjectId, ...event }) => event as JobHistoryEvent), nextCursor };
}

function positionOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (POSITION.test(cursor)) return Number(cursor);
  throw new QueryRefusedError('invalid_cursor', 'the cursor is not one that was handed out');
}
