/**
 * The builds of projections. A build is one version of a projection in tables of its own, with its place in the log. One of
 * each projection is live: readers' views lead to it. Others are new, kept from before, or as of a moment of the past.
 */
import type { Sql, Transaction } from '../database/database.js';
import { type Projection, type TableNames, tableNames } from './projection.js';

export interface Build {
  readonly name: string;
  readonly version: number;
  /** 1 for the first one of a version. */
  readonly build: number;
  /** Of the last event in it. */
  readonly position: number;
  readonly live: boolean;
  /** The names of its tables to readers. */
  readonly tables: readonly string[];
  /** When readers were last shown it; null: never. */
  readonly shown_at: Date | null;
  /** What it is built up to, where it is a past state that never goes live. */
  readonly as_of: Date | null;
  readonly begun_at: Date;
}

export type BuildId = Pick<Build, 'name' | 'version' | 'build'>;

const COLUMNS = 'name, version, build, position, live, tables, shown_at, as_of, begun_at';
const OF_THIS = 'name = $1 and version = $2 and build = $3';

/** A past state has a schema of its own, in which tables have the names that readers know. */
export function pastSchema(moment: Date): string {
  return `as_of_${moment.toISOString().replace(/\W/g, '').toLowerCase()}`;
}

export function tablesOf({ version, build, as_of }: Pick<Build, 'version' | 'build' | 'as_of'>): TableNames {
  return as_of ? (table) => `${pastSchema(as_of)}.${table}` : tableNames(version, build);
}

/** All builds, those of one projection together, older versions first. */
export function allBuilds(sql: Sql): Promise<Build[]> {
  return sql.query<Build>(`select ${COLUMNS} from projections order by name, version, build`);
}

/** The builds of one projection that are or may go live, older versions first. */
export function buildsOf(sql: Sql, name: string): Promise<Build[]> {
  return sql.query<Build>(`${OF_PROJECTION} order by version, build`, [name]);
}

/** As `buildsOf`; nobody else applies events to one of them or shows one until the transaction ends. */
export function lockBuilds(tx: Transaction, name: string): Promise<Build[]> {
  return tx.query<Build>(`${OF_PROJECTION} order by version, build for update`, [name]);
}

const OF_PROJECTION = `select ${COLUMNS} from projections where name = $1 and as_of is null`;

/** Locks one build until the transaction ends, so that nobody else applies events to it. */
export async function lockBuild(tx: Transaction, { name, version, build }: BuildId): Promise<Build> {
  const [row] = await tx.query<Build>(`select ${COLUMNS} from projections where ${OF_THIS} for update`, [
    name,
    version,
    build,
  ]);
  if (!row) throw new Error(`build ${build} of projection ${name} v${version} is gone`);
  return row;
}

/**
 * Locks the build that the service keeps up with the log: the live one, or, while another version is live, the one of this
 * version that was live last.
 */
export async function lockOwnBuild(
  tx: Transaction,
  { name, version }: Projection,
): Promise<Build & { readonly paused: boolean }> {
  const [row] = await tx.query<Build & { paused: boolean }>(
    `select ${COLUMNS}, exists (select from projection_pauses pause where pause.name = own.name) as paused
       from projections own where name = $1 and version = $2 and as_of is null
      order by live desc, shown_at desc nulls last, build limit 1 for update of own`,
    [name, version],
  );
  if (!row) throw new Error(`projection ${name} v${version} is not installed`);
  return row;
}

/** Makes the tables of a further build. `asOf`: up to which moment, where it is to be a past state. */
export async function createBuild(tx: Transaction, projection: Projection, asOf: Date | null = null): Promise<Build> {
  const { name, version, tables } = projection;
  const [row] = await tx.query<Build>(
    `insert into projections (name, version, build, tables, as_of)
     select $1, $2, coalesce(max(build), 0) + 1, $3, $4 from projections where name = $1 and version = $2
     returning ${COLUMNS}`,
    [name, version, tables, asOf],
  );
  if (!row) throw new Error(`no build of ${name} could be begun`);
  await projection.createTables(tx, tablesOf(row));
  return row;
}

export async function moveBuild(tx: Transaction, { name, version, build }: BuildId, position: number): Promise<void> {
  await tx.query(`update projections set position = $4 where ${OF_THIS}`, [name, version, build, position]);
}

/** Removes a build with its tables. */
export async function dropBuild(tx: Transaction, dropped: Build): Promise<void> {
  const { name, version, build, tables } = dropped;
  if (tables.length > 0) await tx.query(`drop table if exists ${tables.map(tablesOf(dropped)).join(', ')}`);
  await tx.query(`delete from projections where ${OF_THIS}`, [name, version, build]);
}

/** New readers wait behind a switch that waits for a slow one: not longer than this. */
const LOCK_TIMEOUT = '1s';

/**
 * Shows a build to readers, from the commit of the transaction on, in place of the live one. That one stays, to go back to;
 * what was live before it is dropped, and what an older version had begun. `all`: the builds of the projection, locked.
 * Rejects with an error that `isKeptWaiting` knows while a slow reader is in the way.
 */
export async function showBuild(tx: Transaction, shown: Build, all: readonly Build[]): Promise<void> {
  const before = all.find(({ live }) => live);
  const { name, version, build } = shown;
  await tx.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
  await tx.query('update projections set live = false where name = $1 and live', [name]);
  await tx.query(`update projections set live = true, shown_at = now() where ${OF_THIS}`, [name, version, build]);
  for (const table of before?.tables ?? []) await tx.query(`drop view if exists ${table}`);
  for (const table of shown.tables) {
    await tx.query(`drop view if exists ${table}`);
    await tx.query(`create view ${table} as select * from ${tablesOf(shown)(table)}`);
  }
  for (const other of all) {
    const isOver = other.shown_at !== null || other.version < version;
    if (isOver && !other.live && !isSame(other, shown)) await dropBuild(tx, other);
  }
}

export function isSame(one: BuildId, other: BuildId): boolean {
  return one.name === other.name && one.version === other.version && one.build === other.build;
}

/** The live build of a projection. */
export function liveOf(builds: readonly Build[]): Build | undefined {
  return builds.find(({ live }) => live);
}

/** The build that was live before. */
export function keptOf(builds: readonly Build[]): Build | undefined {
  return builds.find(({ live, shown_at }) => shown_at !== null && !live);
}

/** The build of a version that readers have not been shown. */
export function newOf(builds: readonly Build[], version: number): Build | undefined {
  return builds.find((build) => build.version === version && build.shown_at === null);
}
