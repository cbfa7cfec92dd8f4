/** What a stream would still hold, as the log has it: what a lost stream is filled with. */
import { JOB_END_TYPES } from '#contracts/events/registry.js';
import { JOB_STREAM, type StreamSpec } from '#contracts/streams.js';
import type { Seed, SeedEvent } from '#eventing/stream-seed.js';
import type { Database, Sql } from '../database/database.js';
import { type EventMetadata, unquoted } from './log-row.js';
import { readCheckpoint, readHead, takeOverLog, writeCheckpoint } from './log-statements.js';
import { unversioned } from './logged-event.js';
import { positionBefore } from './position-before.js';

/** Positions of the log that are read at once. */
const WINDOW = 2_000;
/** Where little of each event is read. */
const WIDE_WINDOW = 20_000;
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

interface Plan {
  readonly range: Range;
  /** Undefined for a stream that has no jobs. */
  readonly openJobs: readonly string[] | undefined;
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
  private plan: Plan | undefined;

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
    const plan = await this.planned(await this.currentRange());
    for (const window of windowsOf(plan.range, WIDE_WINDOW)) {
      const [row] = await this.database.query<SeedSize>(COUNT, this.parameters(plan, window));
      size.finished += row?.finished ?? 0;
      size.open += row?.open ?? 0;
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
    this.plan ??= await this.planned(await this.frozenRange());
    for (const window of windowsOf(this.plan.range, WINDOW)) {
      const parameters = this.parameters(this.plan, window);
      const rows = await this.database.query<Row>(READ, [...parameters, part === 'open']);
      if (rows.length > 0) yield rows.map(seedEvent);
    }
  }

  /** What a leader has read of the lost stream is either in the log by now or never will be. */
  private async frozenRange(): Promise<Range> {
    await takeOverLog(this.database);
    return this.currentRange();
  }

  private async planned(range: Range): Promise<Plan> {
    const { name } = this.spec;
    return { range, openJobs: name === JOB_STREAM.name ? await openJobs(this.database, range) : undefined };
  }

  private async currentRange(): Promise<Range> {
    const { maxAgeMs } = this.spec;
    const after = maxAgeMs === 0 ? 0 : await positionBefore(this.database, new Date(this.now - maxAgeMs));
    return { after, upTo: await readHead(this.database) };
  }

  private parameters({ openJobs }: Plan, { after, upTo }: Range): unknown[] {
    return [after, upTo, this.spec.name, openJobs];
  }
}

function* windowsOf({ after, upTo }: Range, positions: number): Generator<Range> {
  for (let from = after; from < upTo; from += positions) {
    yield { after: from, upTo: Math.min(from + positions, upTo) };
  }
}

/** The jobs that were requested in a range and have not ended. */
async function openJobs(sql: Sql, range: Range): Promise<string[]> {
  const open = new Set<string>();
  const [request, ...ends] = (['JobRequested', ...JOB_END_TYPES] as const).map(unversioned);
  for (const { after, upTo } of windowsOf(range, WIDE_WINDOW)) {
    const rows = await sql.query<{ subject_id: string; type: string }>(
      'select subject_id, type from events where position > $1 and position <= $2 and type = any($3) order by position',
      [after, upTo, [request, ...ends]],
    );
    for (const { subject_id: id, type } of rows) type === request ? open.add(id) : open.delete(id);
  }
  return [...open];
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

/** Accounts are never finished: without a list of open jobs everything is open. */
const IS_OPEN = 'coalesce(subject_id = any($4::text[]), true)';
const EVENTS = 'from events where position > $1 and position <= $2 and stream = $3';

const READ = `
  select event_id, type, schema_version, subject_id, data, metadata, occurred_at ${EVENTS} and ${IS_OPEN} = $5
   order by position`;

const COUNT = `select count(*) filter (where not ${IS_OPEN}) as finished, count(*) filter (where ${IS_OPEN}) as open ${EVENTS}`;

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
