/** What a stream would still hold, as the log has it: what a lost stream is filled with. */
import { JOB_END_TYPES } from '#contracts/events/registry.js';
import type { StreamSpec } from '#contracts/streams.js';
import type { Seed, SeedEvent } from '#eventing/stream-seed.js';
import type { Database, Sql } from '../database/database.js';
import { type EventMetadata, unquoted } from './log-row.js';
import { readCheckpoint, readHead, takeOverLog, writeCheckpoint } from './log-statements.js';
import { unversioned } from './logged-event.js';
import { positionBefore } from './position-before.js';

/** Positions of the log that are read at once. */
const WINDOW = 2_000;
/** What was stored and never logged is lost; its sequences must not come again. No writer is ever so far behind. */
const NEVER_LOGGED = 1_000_000;
/** Every filled stream begins at a round number, by which people can tell it. */
const ROUND = 10_000_000;

/** The first sequence of a stream that takes the place of one whose last logged message had the given one. */
export function firstSequenceAfter(lastLogged: number): number {
  return Math.ceil((lastLogged + NEVER_LOGGED) / ROUND) * ROUND + 1;
}

/** The highest sequence that the log knows of a stream, in whatever epoch; 0 when it knows nothing. */
export async function lastLoggedSequence(sql: Sql, stream: string): Promise<number> {
  const [row] = await sql.query<{ last: number }>(LAST_LOGGED, [stream]);
  return row?.last ?? 0;
}

/** Each epoch's last sequence is one look into the index. */
const LAST_LOGGED = `
  select greatest(
    (select last_seq from stream_checkpoint where stream = $1),
    (select max(last.seq)
       from generate_series(1, (select max(stream_epoch) from events where stream = $1)) as epoch
      cross join lateral (
        select max(stream_seq) as seq from events where stream = $1 and stream_epoch = epoch) last), 0) as last`;

interface Range {
  readonly after: number;
  readonly upTo: number;
}

export interface SeedSize {
  /** Events of jobs that have ended. */
  readonly finished: number;
  readonly open: number;
}

/**
 * Everything that was recorded within the stream's maximum age. Jobs that have ended come first, each part in the order of
 * the log: the workers' consumers begin behind what nobody has to do again.
 */
export class LogSeed implements Seed {
  readonly finished = this.parts('finished');
  readonly open = this.parts('open');
  private range: Range | undefined;

  /** @param now milliseconds since 1970 */
  constructor(
    private readonly database: Database,
    private readonly spec: StreamSpec,
    readonly firstSequence: number,
    private readonly now: number,
    readonly onStored?: (count: number) => void,
  ) {}

  /** How many events it is. */
  async size(): Promise<SeedSize> {
    const size = { finished: 0, open: 0 };
    for (const window of windowsOf(await this.currentRange())) {
      const rows = await this.database.query<{ part: keyof SeedSize; events: number }>(COUNT, this.parameters(window));
      for (const { part, events } of rows) size[part] += events;
    }
    return size;
  }

  /** From here on the log reads the stream behind what it was filled with: a new epoch, whoever writes it. */
  async onFilled(last: { readonly sequence: number; readonly eventId: string | null }): Promise<void> {
    const { name } = this.spec;
    await this.database.transaction(async (tx) => {
      // Whoever leads has read the old checkpoint, and must read again.
      await takeOverLog(tx);
      await writeCheckpoint(tx, name, { epoch: (await lastEpoch(tx, name)) + 1, ...last });
    });
  }

  private async *parts(part: keyof SeedSize): AsyncGenerator<readonly SeedEvent[]> {
    this.range ??= await this.frozenRange();
    for (const window of windowsOf(this.range)) {
      const rows = await this.database.query<Row>(READ, [...this.parameters(window), part]);
      if (rows.length > 0) yield rows.map(seedEvent);
    }
  }

  /** What a leader has read of the lost stream is either in the log by now or never will be. */
  private async frozenRange(): Promise<Range> {
    await takeOverLog(this.database);
    return this.currentRange();
  }

  private async currentRange(): Promise<Range> {
    const { maxAgeMs } = this.spec;
    const after = maxAgeMs === 0 ? 0 : await positionBefore(this.database, new Date(this.now - maxAgeMs));
    return { after, upTo: await readHead(this.database) };
  }

  private parameters({ after, upTo }: Range): unknown[] {
    return [after, upTo, this.spec.name, JOB_END_TYPES.map(unversioned)];
  }
}

function* windowsOf({ after, upTo }: Range): Generator<Range> {
  for (let from = after; from < upTo; from += WINDOW) yield { after: from, upTo: Math.min(from + WINDOW, upTo) };
}

async function lastEpoch(sql: Sql, stream: string): Promise<number> {
  const checkpoint = await readCheckpoint(sql, stream);
  if (checkpoint) return checkpoint.epoch;
  const [row] = await sql.query<{ epoch: number | null }>(
    'select max(stream_epoch) as epoch from events where stream = $1',
    [stream],
  );
  return row?.epoch ?? 0;
}

/** The limit keeps it at one look into the index for each event: without, the planner may read the whole log. */
const EVENTS = `
  from events event
  left join lateral (
    select true as found from events ending
     where ending.subject_id = event.subject_id and ending.type = any($4) limit 1) ending on true
 cross join lateral (select case when ending.found is null then 'open' else 'finished' end as part) as parted
 where event.position > $1 and event.position <= $2 and event.stream = $3`;

const READ = `
  select event_id, type, schema_version, subject_id, data, metadata, occurred_at ${EVENTS} and part = $5
   order by event.position`;

const COUNT = `select part, count(*) as events ${EVENTS} group by part`;

interface Row {
  readonly event_id: string;
  readonly type: string;
  readonly schema_version: number;
  readonly subject_id: string;
  readonly data: unknown;
  readonly metadata: EventMetadata;
  readonly occurred_at: Date;
}

/** As it was published: the same id, time and version. A message without any id keeps the one that the log gave it. */
function seedEvent({ metadata, ...row }: Row): SeedEvent {
  const { subject, source, traceparent, originalId } = metadata;
  return {
    ...{ subject, source, traceparent },
    id: originalId || row.event_id,
    cloudEventType: row.schema_version === 0 ? row.type : `${row.type}.v${row.schema_version}`,
    subjectId: row.subject_id,
    time: row.occurred_at.toISOString(),
    data: unquoted(row.data, metadata),
  };
}
