/** What no worker could deal with: the pointers are in a stream of NATS, what became of their jobs in the projection. */
import { isEnded, type Job } from '#contracts/domain/job.js';
import type { DeadLetterOutcome, Queries } from '#contracts/queries.js';
import type { Bus } from '#eventing/bus.js';
import { type KeptDeadLetter, readDeadLetters } from '#eventing/dead-letters.js';
import { QueryRefusedError } from '#eventing/request-reply.js';
import type { Sql } from '../database/database.js';
import { failureOf, isOfEnhancer } from '../dead-letters/dead-letter-handler.js';
import { pageLimit } from './page.js';

type ListDeadLetters = Queries['dead-letters.list'];

/** The cursor is the place of the last letter of the page before. */
const PLACE = /^[1-9]\d{0,14}$/;

export async function listDeadLetters(
  bus: Bus,
  sql: Sql,
  request: ListDeadLetters['request'],
): Promise<ListDeadLetters['answer']> {
  const { letters, next } = await readDeadLetters(bus, pageLimit(request.limit), placeOf(request.cursor));
  const jobs = await jobsOf(sql, letters);
  const listed = letters.map(({ place, stream, ...letter }) => {
    const job = letter.jobId === undefined ? undefined : jobs.get(letter.jobId);
    return { ...letter, jobStatus: job?.status, outcome: outcomeOf(job, letter) };
  });
  return { letters: listed, nextCursor: next === undefined ? null : String(next) };
}

function placeOf(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (PLACE.test(cursor)) return Number(cursor);
  throw new QueryRefusedError('invalid_cursor', 'the cursor is not one that was handed out');
}

/** The jobs of letters by id, as they are projected. */
export async function jobsOf(sql: Sql, letters: readonly KeptDeadLetter[]): Promise<Map<string, Job>> {
  const ids = letters.flatMap(({ jobId }) => jobId ?? []);
  const rows = await sql.query<{ id: string; state: Job }>('select id, state from jobs where id = any($1::uuid[])', [
    ids,
  ]);
  return new Map(rows.map(({ id, state }) => [id, state]));
}

/** Told from the job, so that it is never out of step with it. */
export function outcomeOf(
  job: Job | undefined,
  letter: Pick<KeptDeadLetter, 'consumer' | 'reason' | 'detail'>,
): DeadLetterOutcome {
  if (!job) return 'no_job';
  if (isOfEnhancer(letter)) {
    if (job.enhanced?.skipped === 'given_up') return 'enhancement_skipped';
  } else if (job.status === 'failed' && job.failed.code === failureOf(letter).code) return 'job_failed';
  return isEnded(job) || (isOfEnhancer(letter) && job.enhanced) ? 'ended_otherwise' : 'pending';
}
