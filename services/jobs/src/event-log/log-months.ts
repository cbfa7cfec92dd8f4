/**
 * Gives each month of the log a partition of its own. The last partition is open at its end; when a new month has begun it
 * is closed in three steps, of which only the second takes long, and that one is in nobody's way:
 *
 * 1. where it ends is decided: a little ahead, so that the writer can go on meanwhile;
 * 2. Postgres reads it through to make sure that it ends there;
 * 3. it is given that end, and the next partition begins.
 *
 * Whoever takes over in between goes on where the one before stopped.
 */
import type pg from 'pg';
import type { Log } from '#service-kit/log.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';
import { type Database, type Sql, Transaction } from '../database/database.js';
import type { Term } from '../leadership/leadership.js';
import { repeatedly } from '../repeating.js';
import { lockHead, SupersededError } from './log-statements.js';

const LOOK_INTERVAL_MS = 10 * 60_000;
/** Reading a month through may take minutes. */
const READING_LIMIT_MS = 3_600_000;
/** Whoever waits for a lock holds up everybody behind: rather try again later. */
const LOCK_LIMIT = '500ms';
/** Of a month: Postgres reads a million rows a second, and the writer adds fewer than 10,000 meanwhile. */
const MARGIN = 0.01;

interface Month {
  /** Its first day: `2026-11-01`. */
  readonly month: string;
  readonly partition: string;
  readonly first: number;
  /** Position at which the next month begins; null as long as this one is open. */
  readonly next: number | null;
}

type ClosedMonth = Month & { readonly next: number };

export class LogMonths {
  constructor(
    private readonly database: Database,
    private readonly log: Log,
    /** Milliseconds since 1970. */
    private readonly clock: () => number,
  ) {}

  /** Looks every ten minutes until the term ends. Rejects with `SupersededError` when another process has taken over. */
  async run(term: Term): Promise<void> {
    const { signal } = term;
    const endsWith = (error: unknown) => error instanceof SupersededError;
    await repeatedly({ what: 'months of the log', log: this.log, signal, endsWith }, async () => {
      await this.keep(term);
      await pauseUnlessAborted(LOOK_INTERVAL_MS, signal);
    });
  }

  /** Closes the last month when it is over. Resolves with the name of the partition that was closed, if any. */
  async keep({ generation, signal }: Term): Promise<string | undefined> {
    const session = await this.database.openSession(READING_LIMIT_MS);
    // Who stops does not wait until a month is read.
    const stop = () => void session.end();
    signal.addEventListener('abort', stop);
    try {
      const today = monthOf(this.clock());
      const ended = await locked(session, generation, (tx, head) => decideEnd(tx, head, today));
      if (!ended) return undefined;
      await new Transaction(session).query(`alter table ${ended.partition} validate constraint ${UNTIL}`);
      await locked(session, generation, (tx) => beginNext(tx, ended, today));
      this.log.info(ended, 'a month of the log is closed');
      return ended.partition;
    } finally {
      signal.removeEventListener('abort', stop);
      await session.end();
    }
  }
}

/** The month of a moment, by UTC, as its first day. */
function monthOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 7)}-01`;
}

/** Keeps the writer out while it works, and is short. A session that fails is closed, and with it its transaction. */
async function locked<T>(
  session: pg.ClientBase,
  generation: number,
  work: (tx: Transaction, head: number) => Promise<T>,
): Promise<T> {
  const tx = new Transaction(session);
  await tx.query(`begin; set local lock_timeout = '${LOCK_LIMIT}'`);
  const result = await work(tx, await lockHead(tx, generation));
  await tx.query('commit');
  return result;
}

/** Holds the rows of a partition below its end before that is its end. */
const UNTIL = 'until_next_month';

/** The last month, when it is over and has events; decided before, it stays as it was decided. */
async function decideEnd(tx: Transaction, head: number, today: string): Promise<ClosedMonth | undefined> {
  const last = await lastMonth(tx);
  if (last.next !== null) return { ...last, next: last.next };
  const { month, partition, first } = last;
  if (today <= month || head < first) return undefined;
  const next = head + 1 + Math.ceil((head - first + 1) * MARGIN);
  const range = `position >= ${first} and position < ${next}`;
  await tx.query(`alter table ${partition} add constraint ${UNTIL} check (${range}) not valid`);
  await tx.query('update log_months set next_position = $2 where month = $1', [month, next]);
  return { ...last, next };
}

/** Postgres knows by the constraint that no row lies outside, and looks at none. */
async function beginNext(tx: Transaction, { partition, first, next }: ClosedMonth, today: string): Promise<void> {
  await tx.query('insert into log_months (month, first_position) values ($1, $2)', [today, next]);
  const { partition: begun } = await lastMonth(tx);
  for (const statement of [
    `alter table events detach partition ${partition}`,
    `alter table events attach partition ${partition} for values from (${first}) to (${next})`,
    `alter table ${partition} drop constraint ${UNTIL}`,
    `create table ${begun} partition of events for values from (${next}) to (maxvalue)`,
    `alter table ${begun} add constraint ${begun}_sequence unique (stream, stream_epoch, stream_seq)`,
    `select make_append_only('${begun}')`,
  ]) {
    await tx.query(statement);
  }
}

async function lastMonth(sql: Sql): Promise<Month> {
  const [last] = await sql.query<Month>(
    `select month::text, log_partition(month) as partition, first_position as first, next_position as next
       from log_months order by first_position desc limit 1`,
  );
  if (!last) throw new Error('the log has no month');
  return last;
}
