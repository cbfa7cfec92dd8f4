/** Streams and databases that do what a property test says: when to hand out how much, and when to break. */
import fc from 'fast-check';
import type { LogReader, RawEvent, StreamPosition } from '#eventing/log-reader.js';
import { type Database, Transaction } from '../src/database/database.js';

/** A stream in memory. Its reader hands out at most `most` messages at once. */
export function scriptedReader(stream: string, messages: readonly RawEvent[], most: number): LogReader {
  const position: StreamPosition = {
    ...{ firstSequence: messages[0]?.sequence ?? 1, lastSequence: messages.at(-1)?.sequence ?? 0 },
    ...{ createdAt: '2026-01-01T00:00:00Z', bytes: 0, maxBytes: 1 },
  };
  const reader: Pick<LogReader, 'stream' | 'position' | 'read' | 'messageAt'> = {
    stream,
    position: async () => position,
    read: async (from, limit) => messages.filter(({ sequence }) => sequence >= from).slice(0, Math.min(limit, most)),
    messageAt: async (sequence) => messages.find((message) => message.sequence === sequence),
  };
  return reader as LogReader;
}

/**
 * Where a transaction breaks: before its nth statement, at its commit, or behind it, when everything is stored and only the
 * answer is lost.
 */
export type Crash = { readonly before: number } | 'at commit' | 'after commit';

/** What the transaction then rejects with. */
export class Crashed extends Error {
  override readonly name = 'Crashed';
}

/** A database whose transactions break one after the other as told, `undefined` for one that does not. */
export class CrashingDatabase {
  /** @param crashes each is taken off when its turn has come */
  constructor(
    private readonly database: Database,
    private readonly crashes: (Crash | undefined)[],
    private readonly onCrash: () => void = () => undefined,
  ) {}

  query: Database['query'] = (text, values) => this.database.query(text, values);

  transaction: Database['transaction'] = async (work, commit) => {
    const crash = this.crashes.shift();
    const result = await this.database.transaction(async (tx) => {
      const done = await work(typeof crash === 'object' ? new BreakingTransaction(tx, crash.before, this.crash) : tx);
      if (crash === 'at commit') this.crash();
      return done;
    }, commit);
    if (crash === 'after commit') this.crash();
    return result;
  };

  private readonly crash = (): never => {
    this.onCrash();
    throw new Crashed('as the test says');
  };
}

/** Any crash; of statements, before one of the first so many. */
export function anyCrash(mostStatements: number): fc.Arbitrary<Crash> {
  return fc.oneof(
    fc.integer({ min: 1, max: mostStatements }).map((before) => ({ before })),
    fc.constantFrom<Crash>('at commit', 'after commit'),
  );
}

class BreakingTransaction extends Transaction {
  private statements = 0;

  constructor(
    private readonly tx: Transaction,
    private readonly before: number,
    private readonly crash: () => never,
  ) {
    // Never used: every statement goes to the real transaction.
    super(undefined as never);
  }

  override query: Transaction['query'] = (text, values) => {
    if (++this.statements >= this.before) this.crash();
    return this.tx.query(text, values);
  };
}
