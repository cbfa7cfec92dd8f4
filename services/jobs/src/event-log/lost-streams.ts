/** Gives a stream that was lost back what it would still hold. */
import type { StreamSpec } from '#contracts/streams.js';
import type { Seed } from '#eventing/stream-seed.js';
import type { Restore } from '#eventing/topology.js';
import type { Log } from '#service-kit/log.js';
import type { Database } from '../database/database.js';
import { firstSequenceAfter, LogSeed, lastLoggedSequence } from './log-seed.js';

/** Any number that no other use of this database locks. */
const SEED_LOCK = 7_241_003;
const LOCK_TIMEOUT_MS = 3_000;

interface Surroundings {
  readonly database: Database;
  readonly log: Log;
  /** Called after each part with the messages stored so far. */
  readonly onStored?: (spec: StreamSpec, count: number) => void;
  readonly onRestored?: (spec: StreamSpec, count: number) => void;
}

/** It is done, or is to be tried again, soon. */
export class SeedingElsewhereError extends Error {
  override readonly name = 'SeedingElsewhereError';
}

export class LostStreams {
  constructor(private readonly around: Surroundings) {}

  /**
   * Whether a stream that is not there is a new one only the log knows: as long as Postgres is away there is no answer, and
   * no stream. One process at a time; another one waits and finds the stream there.
   */
  readonly restore: Restore = async (spec, fill) => {
    const { database, log } = this.around;
    const last = await lastLoggedSequence(database, spec.name);
    if (last === 0) return false;
    await this.alone(async () => {
      const firstSequence = firstSequenceAfter(last);
      log.warn({ stream: spec.name, last, firstSequence }, 'the stream is lost: it is filled again from the log');
      await this.refill(spec, firstSequence, fill);
    });
    return true;
  };

  private async refill(spec: StreamSpec, first: number, fill: (seed: Seed) => Promise<void>): Promise<void> {
    const { database, log, onStored, onRestored } = this.around;
    const startedAt = performance.now();
    let events = 0;
    const count = (stored: number) => {
      events = stored;
      onStored?.(spec, stored);
    };
    await fill(new LogSeed(database, spec, first, Date.now(), count));
    const seconds = (performance.now() - startedAt) / 1_000;
    log.warn({ stream: spec.name, events, seconds }, 'the stream is filled and open again');
    onRestored?.(spec, events);
  }

  private async alone(work: () => Promise<void>): Promise<void> {
    const session = await this.around.database.openSession(LOCK_TIMEOUT_MS);
    try {
      const { rows } = await session.query('select pg_try_advisory_lock($1) as mine', [SEED_LOCK]);
      if (!rows[0]?.mine) throw new SeedingElsewhereError('another process fills the streams');
      await work();
    } finally {
      // The lock goes with the session; one that is already broken cannot be ended more.
      await session.end().catch(() => undefined);
    }
  }
}
