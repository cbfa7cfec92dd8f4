/** Copies the streams into the event log: one writer, in batches, every event once and without a gap in its positions. */
import type { Log } from '#service-kit/log.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';
import type { Database } from '../database/database.js';
import type { Doorbell } from '../doorbell.js';
import type { Term } from '../leadership/leadership.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';
import type { LogRow } from './log-row.js';
import {
  type Checkpoint,
  chainFresh,
  insertRows,
  lockHead,
  readCheckpoint,
  SupersededError,
  writeCheckpoint,
} from './log-statements.js';
import { BATCH_EVENTS, type StreamFollower } from './stream-follower.js';

/** The doorbell may fail to ring. */
const POLL_MS = 1_000;

/**
 * Between two batches that are not full: each costs a flush of the disk, which the streams' server needs for its own.
 * What comes after a quiet time is written at once.
 */
const GATHER_MS = 20;

interface Surroundings {
  readonly database: Database;
  readonly log: Log;
  readonly metrics: JobsMetrics;
  /** Rings when a stream has something new, and after a lost connection. */
  readonly bell: Doorbell;
  /** Called after every commit that added events. */
  readonly onWritten: () => void;
}

export class EventLogWriter {
  constructor(
    private readonly followers: readonly StreamFollower[],
    private readonly around: Surroundings,
  ) {}

  /** What was read before may not be what the streams hold now: examine them before the next write. */
  doubtStreams(): void {
    for (const follower of this.followers) follower.doubt();
    this.around.bell.ring();
  }

  /** Writes until the term ends. Rejects with `SupersededError` when another process has taken over. */
  async run(term: Term): Promise<void> {
    this.doubtStreams();
    const { log } = this.around;
    const endsWith = (error: unknown) => error instanceof SupersededError;
    await repeatedly({ what: 'event log', log, signal: term.signal, endsWith }, () => this.pass(term));
  }

  private async pass(term: Term): Promise<void> {
    let read = 0;
    for (const follower of this.followers) read += await this.copyBatch(follower, term);
    const settled = this.followers.every((follower) => follower.place);
    if (read === 0 && settled) await this.around.bell.wait(POLL_MS, term.signal);
    else if (read > 0 && read < BATCH_EVENTS) await pauseUnlessAborted(GATHER_MS, term.signal);
  }

  /** Writes one batch of one stream; resolves with the messages read. */
  private async copyBatch(follower: StreamFollower, term: Term): Promise<number> {
    try {
      if (!follower.place) await follower.begin((examine) => this.settle(follower.stream, examine, term));
      const from = follower.place;
      const rows = from ? await follower.read(from) : [];
      if (from && rows.length > 0) await this.write(follower, from, rows, term);
      this.around.metrics.logLag.set({ stream: follower.stream }, follower.lag);
      return rows.length;
    } catch (error) {
      // A commit's outcome may be unknown: only the database knows the checkpoint now.
      follower.doubt();
      throw error;
    }
  }

  /** The checkpoint to read on from; stored before the first read when it is not the one that the database has. */
  private async settle(
    stream: string,
    examine: (stored: Checkpoint | undefined) => Promise<Checkpoint>,
    term: Term,
  ): Promise<Checkpoint> {
    const { database, metrics } = this.around;
    const stored = await readCheckpoint(database, stream);
    const checkpoint = await examine(stored);
    if (checkpoint === stored) return stored;
    if (stored) metrics.streamEpochs.inc({ stream });
    await database.transaction(async (tx) => {
      await lockHead(tx, term.generation);
      await writeCheckpoint(tx, stream, checkpoint);
    });
    return checkpoint;
  }

  private async write(follower: StreamFollower, from: Checkpoint, rows: readonly LogRow[], term: Term): Promise<void> {
    const { stream } = follower;
    const last = rows.at(-1);
    if (!last) return;
    const to: Checkpoint = { epoch: from.epoch, sequence: last.sequence, eventId: last.eventId };
    const written = await this.commit(follower, to, rows, term);
    this.reportMissing(stream, from, rows);
    follower.advance(from, to);
    this.around.metrics.batchEvents.observe(written);
    this.around.metrics.eventsWritten.inc({ stream }, written);
    if (written > 0) this.around.onWritten();
  }

  private commit(follower: StreamFollower, to: Checkpoint, rows: readonly LogRow[], term: Term): Promise<number> {
    const { stream } = follower;
    return this.around.database.transaction(async (tx) => {
      const head = await lockHead(tx, term.generation);
      const fresh = await chainFresh(tx, rows);
      const inserted = insertRows(tx, head, { stream, epoch: to.epoch }, fresh);
      follower.readAhead(rows);
      await inserted;
      await writeCheckpoint(tx, stream, to);
      return fresh.length;
    });
  }

  /** Messages that the stream let go before they were read are lost to the log. */
  private reportMissing(stream: string, from: Checkpoint, rows: readonly LogRow[]): void {
    const first = rows[0]?.sequence ?? 0;
    const last = rows.at(-1)?.sequence ?? 0;
    const missing = last - from.sequence - rows.length;
    if (missing <= 0) return;
    this.around.metrics.eventsMissed.inc({ stream }, missing);
    this.around.log.error({ stream, after: from.sequence, first, missing }, 'events are gone that were never logged');
  }
}
