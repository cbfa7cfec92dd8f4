/** What builds there are of each projection, and how they stand. */
import type { Sql } from '../database/database.js';
import { readHead } from '../event-log/log-statements.js';
import { allBuilds, type Build, tablesOf } from '../projections/builds.js';
import { countParked } from '../projections/parking.js';

export type BuildState = 'live' | 'new' | 'kept' | 'past';

export interface BuildStanding {
  readonly name: string;
  readonly version: number;
  readonly build: number;
  readonly state: BuildState;
  readonly position: number;
  /** Positions to the end of the log. */
  readonly behind: number;
  /** Events that could not be applied, with those behind them. */
  readonly parked: number;
  /** Their names in the database. */
  readonly tables: readonly string[];
  /** Of its tables with their indexes. */
  readonly bytes: number;
  readonly begunAt: string;
  readonly shownAt: string | null;
  /** Of a past state. */
  readonly asOf: string | null;
}

export interface Overview {
  /** Last position of the log. */
  readonly head: number;
  /** Names of projections that the service leaves alone. */
  readonly paused: readonly string[];
  readonly builds: readonly BuildStanding[];
}

export async function readOverview(sql: Sql): Promise<Overview> {
  const head = await readHead(sql);
  const builds = await Promise.all((await allBuilds(sql)).map((build) => standingOf(sql, build, head)));
  const paused = await sql.query<{ name: string }>('select name from projection_pauses order by name');
  return { head, paused: paused.map(({ name }) => name), builds };
}

function stateOf({ live, shown_at, as_of }: Pick<Build, 'live' | 'shown_at' | 'as_of'>): BuildState {
  if (as_of) return 'past';
  if (live) return 'live';
  return shown_at ? 'kept' : 'new';
}

async function standingOf(sql: Sql, build: Build, head: number): Promise<BuildStanding> {
  const { name, version, position, begun_at, shown_at, as_of } = build;
  return {
    ...{ name, version, build: build.build, state: stateOf(build), position, behind: Math.max(0, head - position) },
    parked: await countParked(sql, build),
    tables: build.tables.map(tablesOf(build)),
    bytes: await sizeOf(sql, build),
    begunAt: begun_at.toISOString(),
    shownAt: shown_at?.toISOString() ?? null,
    asOf: as_of?.toISOString() ?? null,
  };
}

async function sizeOf(sql: Sql, build: Build): Promise<number> {
  const [row] = await sql.query<{ bytes: number }>(
    'select coalesce(sum(pg_total_relation_size(to_regclass(name))), 0)::bigint as bytes from unnest($1::text[]) as name',
    [build.tables.map(tablesOf(build))],
  );
  return row?.bytes ?? 0;
}

/** From now on the service applies nothing to these projections. What it had in hand may still be committed. */
export async function pauseProjections(sql: Sql, names: readonly string[]): Promise<void> {
  await sql.query('insert into projection_pauses (name) select unnest($1::text[]) on conflict do nothing', [names]);
}

export async function resumeProjections(sql: Sql, names: readonly string[]): Promise<void> {
  await sql.query('delete from projection_pauses where name = any($1)', [names]);
}
