/** Whether two builds of one version hold the same rows at the same place in the log. */
import type { Database, Sql, Transaction } from '../database/database.js';
import { type Build, lockBuild, tablesOf } from '../projections/builds.js';
import type { Projection } from '../projections/projection.js';
import { bringUp } from './catch-up.js';

/** The rows of a table: how many, and a hash of them all that does not depend on their order. */
export interface TableHash {
  readonly rows: number;
  /** 16 hexadecimal digits. */
  readonly hash: string;
}

export interface TableComparison {
  readonly table: string;
  readonly live: TableHash;
  readonly other: TableHash;
  readonly isEqual: boolean;
}

export interface Comparison {
  /** Where both were in the log. */
  readonly position: number;
  readonly tables: readonly TableComparison[];
  readonly isEqual: boolean;
}

/**
 * Brings the other build to the place of the live one, or the live one to the other's where that is further. The live one
 * stands still until both can be seen in one snapshot, and goes on while the tables are read in that snapshot.
 */
export async function compareBuilds(
  database: Database,
  projection: Projection,
  live: Build,
  other: Build,
): Promise<Comparison> {
  await bringUp(database, [{ projection, build: live, upTo: other.position }]);
  await bringUp(database, [{ projection, build: other, upTo: live.position }]);
  const { result } = await database.transaction(async (tx) => {
    const { position } = await lockBuild(tx, live);
    await bringUp(database, [{ projection, build: other, upTo: position }]);
    return inSnapshot(database, (snapshot) => compareTables(snapshot, live, other, position));
  });
  return result;
}

/** Resolves when the snapshot is taken; `result` is what is read in it. */
function inSnapshot<T>(database: Database, read: (tx: Transaction) => Promise<T>): Promise<{ result: Promise<T> }> {
  return new Promise((resolve, reject) => {
    const result = database.transaction(async (tx) => {
      await tx.query('set transaction isolation level repeatable read, read only');
      // The first query takes the snapshot.
      await tx.query('select 1 from projections limit 1');
      resolve({ result });
      return read(tx);
    });
    result.catch(reject);
  });
}

async function compareTables(tx: Transaction, live: Build, other: Build, position: number): Promise<Comparison> {
  const tables: TableComparison[] = [];
  for (const table of live.tables) {
    const ofLive = await hashTable(tx, tablesOf(live)(table));
    const ofOther = await hashTable(tx, tablesOf(other)(table));
    const isEqual = ofLive.rows === ofOther.rows && ofLive.hash === ofOther.hash;
    tables.push({ table, live: ofLive, other: ofOther, isEqual });
  }
  return { position, tables, isEqual: tables.every(({ isEqual }) => isEqual) };
}

/** What is read by one statement: a large table would take longer than a statement may. */
const PAGES = 16_384;

/** The sum of the hashes of its rows as text. */
export async function hashTable(sql: Sql, table: string): Promise<TableHash> {
  const [size] = await sql.query<{ pages: number }>(
    "select pg_relation_size($1) / current_setting('block_size')::integer as pages",
    [table],
  );
  let rows = 0;
  let sum = 0n;
  for (let page = 0; page < (size?.pages ?? 0); page += PAGES) {
    const [part] = await sql.query<{ rows: number; sum: string }>(
      `select count(*) as rows, coalesce(sum(hashtextextended(row::text, 0)), 0)::text as sum
         from ${table} row where ctid >= $1::tid and ctid < $2::tid`,
      [`(${page},0)`, `(${page + PAGES},0)`],
    );
    rows += part?.rows ?? 0;
    sum += BigInt(part?.sum ?? 0);
  }
  return { rows, hash: BigInt.asUintN(64, sum).toString(16).padStart(16, '0') };
}
