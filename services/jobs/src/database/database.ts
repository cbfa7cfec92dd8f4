/** The jobs service's way to Postgres: hand-written SQL, and transactions that are passed explicitly. */
import pg from 'pg';
import type { Log } from '#service-kit/log.js';
import { translated } from './database-errors.js';

const CONNECT_TIMEOUT_MS = 3_000;
/** Longer than any statement here takes; a server that hangs must not hold a loop for ever. */
const QUERY_TIMEOUT_MS = 20_000;
/** A process that stands still in the middle of a transaction must not keep its locks: another one is to take over. */
const IDLE_IN_TRANSACTION_MS = 3_000;
/** The writer, every projection, settlement and webhooks may each be in a transaction, and queries come on top. */
const MOST_CONNECTIONS = 16;

/** Positions and sequences come as numbers: they stay far below 2^53. */
const TYPES: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** What runs SQL: the database itself or one transaction. Rejects with `DatabaseUnavailableError` when Postgres is away. */
export interface Sql {
  query<R extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

export class Transaction implements Sql {
  constructor(private readonly client: pg.ClientBase) {}

  query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return runOn<R>(this.client, text, values);
  }

  /** Undoes what `work` did when it throws, and nothing else of the transaction. */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.query('savepoint part');
    try {
      const result = await work();
      await this.query('release savepoint part');
      return result;
    } catch (error) {
      await this.query('rollback to savepoint part');
      throw error;
    }
  }
}

export class Database implements Sql {
  private readonly pool: pg.Pool;
  private readonly onLost: (error: Error) => void;

  constructor(
    private readonly url: string,
    log: Log,
  ) {
    this.pool = new pg.Pool({
      ...connectionOptions(url),
      max: MOST_CONNECTIONS,
      query_timeout: QUERY_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    });
    // The next query finds out by itself; without listeners, idle and in use, the process would end.
    this.onLost = (error) => log.debug({ err: error }, 'a Postgres connection ended');
    this.pool.on('error', this.onLost);
    this.pool.on('connect', (client) => client.on('error', this.onLost));
  }

  query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return runOn<R>(this.pool, text, values);
  }

  /**
   * Commits when `work` resolves, rolls back when it rejects.
   *
   * @param commit `flushed` outlives a power cut when this resolves. `soon` is flushed within a second: a power cut before
   *   undoes it as a whole, for what is computed again then.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>, commit: 'flushed' | 'soon' = 'flushed'): Promise<T> {
    const client = await this.pool.connect().catch(rethrowTranslated);
    const tx = new Transaction(client);
    try {
      await tx.query(commit === 'soon' ? 'begin; set local synchronous_commit = off' : 'begin');
      const result = await work(tx);
      await tx.query('commit');
      client.release();
      return result;
    } catch (error) {
      const sound = await rolledBack(tx);
      client.release(!sound);
      throw error;
    }
  }

  /** A connection of its own, for locks that belong to a session. The caller ends it. */
  async openSession(queryTimeoutMs: number): Promise<pg.Client> {
    const client = new pg.Client({ ...connectionOptions(this.url), query_timeout: queryTimeoutMs });
    client.on('error', this.onLost);
    await client.connect().catch(rethrowTranslated);
    return client;
  }

  /** Whether Postgres answers now. */
  isThere(): Promise<boolean> {
    return this.query('select 1').then(
      () => true,
      () => false,
    );
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

function connectionOptions(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'ourvidz-jobs',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    // Times without a zone mean UTC, wherever the server stands.
    options: '-c timezone=UTC',
    types: TYPES,
  };
}

async function runOn<R extends pg.QueryResultRow>(
  target: pg.ClientBase | pg.Pool,
  text: string,
  values: readonly unknown[],
): Promise<R[]> {
  try {
    return (await target.query<R>(text, [...values])).rows;
  } catch (error) {
    throw translated(error);
  }
}

/** Whether the connection can be used again. A failed rollback has no news: the first error tells what happened. */
function rolledBack(tx: Transaction): Promise<boolean> {
  return tx.query('rollback').then(
    () => true,
    () => false,
  );
}

function rethrowTranslated(error: unknown): never {
  throw translated(error);
}
