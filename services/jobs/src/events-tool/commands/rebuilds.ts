/** What `projections rebuild`, `compare`, `switch` and `rollback` do. */
import type { Database } from '../../database/database.js';
import { readHead } from '../../event-log/log-statements.js';
import { type Build, buildsOf, isSame, keptOf, liveOf, newOf } from '../../projections/builds.js';
import { countParked } from '../../projections/parking.js';
import type { Projection } from '../../projections/projection.js';
import { type Comparison, compareBuilds } from '../../rebuild/comparing.js';
import { whileLocked } from '../../rebuild/rebuild-lock.js';
import { type Begun, beginRebuild, catchUp } from '../../rebuild/rebuilding.js';
import { type Switched, switchTo } from '../../rebuild/switching.js';
import { EXIT, type ExitCode, refused } from '../exit-codes.js';
import { duration, grouped, table } from '../output.js';
import { Progress } from '../progress.js';
import type { Tool } from '../tool.js';
import { chosen } from './chosen-projections.js';

interface RebuildOptions {
  readonly afresh?: boolean;
  readonly switch: boolean;
}

/** One projection that was built again. `comparison`: none where another version is live. */
interface Rebuilt {
  readonly name: string;
  readonly version: number;
  readonly build: number;
  readonly parked: number;
  readonly comparison: Comparison | null;
  readonly switched: boolean;
}

export async function rebuild(
  tool: Tool,
  projections: readonly Projection[],
  options: RebuildOptions,
): Promise<ExitCode> {
  const database = await tool.database();
  if (tool.dryRun) return tellPlan(tool, database, projections, options);
  const names = projections.map(({ name }) => name);
  return whileLocked(database, names, () => rebuildLocked(tool, database, projections, options));
}

async function rebuildLocked(
  tool: Tool,
  database: Database,
  projections: readonly Projection[],
  options: RebuildOptions,
): Promise<ExitCode> {
  const begun = await beginRebuild(database, projections, options.afresh);
  for (const { build, isResumed } of begun) {
    if (isResumed) tool.output.note(`${build.name}: goes on at position ${grouped(build.position)}`);
  }
  const { builds, eventsPerSecond } = await withProgress(tool, database, begun);
  if (tool.signal.aborted) {
    tool.output.note('Broken off. The same command goes on from here.');
    return EXIT.interrupted;
  }
  const compared: Compared[] = [];
  for (const one of builds) compared.push(await comparedWithLive(database, one));
  if (options.switch) await confirmDifferences(tool, compared);
  const rebuilt: Rebuilt[] = [];
  for (const one of compared) {
    if (options.switch) await switchTo(database, one.projection, one.build);
    rebuilt.push(await rebuiltOf(database, one, options.switch));
  }
  const position = await readHead(database);
  tool.output.result({ position, eventsPerSecond, projections: rebuilt }, () => rebuiltText(rebuilt, eventsPerSecond));
  return options.switch || rebuilt.every(({ comparison }) => comparison?.isEqual ?? true) ? EXIT.ok : EXIT.failed;
}

async function withProgress(tool: Tool, database: Database, begun: readonly Begun[]) {
  const from = Math.min(...begun.map(({ build }) => build.position));
  const progress = new Progress('rebuild', await readHead(database), from);
  const startedAt = performance.now();
  let reached = from;
  const onMoved = (position: number) => {
    reached = position;
    progress.update(position);
  };
  const builds = await catchUp(database, begun, { onMoved, signal: tool.signal });
  progress.end();
  const seconds = Math.max((performance.now() - startedAt) / 1_000, 0.001);
  const events = reached - from;
  tool.output.note(`${grouped(events)} events in ${duration(seconds * 1_000)}`);
  return { builds, eventsPerSecond: Math.round(events / seconds) };
}

interface Compared extends Begun {
  readonly live: Build | undefined;
  readonly comparison: Comparison | null;
}

async function comparedWithLive(database: Database, begun: Begun): Promise<Compared> {
  const { projection, build } = begun;
  const live = liveOf(await buildsOf(database, projection.name));
  const isOther = live?.version === projection.version && !isSame(live, build);
  if (!live || !isOther) return { ...begun, live, comparison: null };
  return { ...begun, live, comparison: await compareBuilds(database, projection, live, build) };
}

async function confirmDifferences(tool: Tool, compared: readonly Compared[]): Promise<void> {
  for (const { projection, live } of compared) {
    if (!live || live.version <= projection.version) continue;
    await tool.confirm(
      `${projection.name} v${live.version} is live, and this program has v${projection.version}. Go back?`,
    );
  }
  const different = compared.filter(({ comparison }) => comparison && !comparison.isEqual);
  if (different.length === 0) return;
  for (const { projection, comparison } of different) {
    tool.output.note(`${projection.name}\n${comparison ? comparisonText(comparison) : ''}`);
  }
  const names = different.map(({ projection }) => projection.name).join(', ');
  await tool.confirm(`What was built differs from what readers see: ${names}. Switch to it?`);
}

async function rebuiltOf(database: Database, { build, comparison }: Compared, switched: boolean): Promise<Rebuilt> {
  const { name, version } = build;
  return { name, version, build: build.build, parked: await countParked(database, build), comparison, switched };
}

function rebuiltText(rebuilt: readonly Rebuilt[], eventsPerSecond: number): string {
  const columns = [{ heading: 'PROJECTION' }, { heading: 'BUILD' }, { heading: 'PARKED' }, { heading: 'RESULT' }];
  const rows = rebuilt.map(({ name, version, build, parked, comparison, switched }) => {
    const found = comparison ? (comparison.isEqual ? 'equal' : 'DIFFERENT') : 'another version was live';
    return [name, `v${version}, ${build}`, parked, `${found}, ${switched ? 'switched' : 'not switched'}`];
  });
  return `${table(columns, rows)}\n\n${grouped(eventsPerSecond)} events/s`;
}

async function tellPlan(
  tool: Tool,
  database: Database,
  projections: readonly Projection[],
  options: RebuildOptions,
): Promise<ExitCode> {
  const head = await readHead(database);
  const steps: { name: string; version: number; from: number; to: number; switch: boolean }[] = [];
  for (const { name, version } of projections) {
    const known = options.afresh ? undefined : newOf(await buildsOf(database, name), version);
    steps.push({ name, version, from: known?.position ?? 0, to: head, switch: options.switch });
  }
  tool.output.result({ steps }, () =>
    steps
      .map(({ name, version, from, to }) => {
        const then = options.switch ? 'compare and switch' : 'compare';
        return `${name} v${version}: apply positions ${grouped(from)} to ${grouped(to)}, ${then}`;
      })
      .join('\n'),
  );
  return EXIT.ok;
}

export async function compare(tool: Tool, name: string): Promise<ExitCode> {
  const database = await tool.database();
  const [projection] = chosen([name], undefined) as [Projection];
  return whileLocked(database, [name], async () => {
    const builds = await buildsOf(database, name);
    const live = liveOf(builds);
    const other = newOf(builds, projection.version) ?? keptOf(builds);
    if (!live || !other) throw refused(`${name} has no other build to compare with; rebuild --no-switch makes one.`);
    if (live.version !== other.version || live.version !== projection.version)
      throw refused(
        `${name}: builds of two versions cannot be compared, nor those of another version than this program's.`,
      );
    const comparison = await compareBuilds(database, projection, live, other);
    const between = `build ${live.build} (live) and build ${other.build} of ${name} v${live.version}`;
    tool.output.result({ name, live: live.build, other: other.build, ...comparison }, () => {
      const verdict = comparison.isEqual ? 'equal' : 'DIFFERENT';
      return `${comparisonText(comparison)}\n\n${verdict}: ${between}, at position ${grouped(comparison.position)}`;
    });
    return comparison.isEqual ? EXIT.ok : EXIT.failed;
  });
}

function comparisonText({ tables }: Comparison): string {
  const columns = [{ heading: 'TABLE' }, { heading: 'LIVE' }, { heading: 'OTHER' }, { heading: '' }];
  const rows = tables.map(({ table, live, other, isEqual }) => {
    const cell = ({ rows, hash }: typeof live) => `${hash} (${grouped(rows)} rows)`;
    return [table, cell(live), cell(other), isEqual ? 'equal' : 'DIFFERENT'];
  });
  return table(columns, rows);
}

export async function switchBuild(tool: Tool, name: string): Promise<ExitCode> {
  const [projection] = chosen([name], undefined) as [Projection];
  return change(tool, projection, (builds) => {
    const found = newOf(builds, projection.version);
    if (!found) throw refused(`${name} has no new build to switch to; rebuild makes one.`);
    return found;
  });
}

export async function rollBack(tool: Tool, name: string): Promise<ExitCode> {
  const [projection] = chosen([name], undefined) as [Projection];
  return change(tool, projection, (builds) => {
    const found = keptOf(builds);
    if (!found) throw refused(`${name} has no build from before to go back to.`);
    return found;
  });
}

async function change(
  tool: Tool,
  projection: Projection,
  pick: (builds: readonly Build[]) => Build,
): Promise<ExitCode> {
  const database = await tool.database();
  return whileLocked(database, [projection.name], async () => {
    const builds = await buildsOf(database, projection.name);
    const to = pick(builds);
    await confirmOlder(tool, projection, liveOf(builds), to);
    if (tool.dryRun) {
      tool.output.result({ to }, () => `Readers of ${to.name} would see build ${to.build} of v${to.version}.`);
      return EXIT.ok;
    }
    const switched = await switchTo(database, projection, to);
    tool.output.result(switched, () => switchedText(switched));
    return EXIT.ok;
  });
}

/** A build of another version stands still until a service of that version runs. */
async function confirmOlder(tool: Tool, { version }: Projection, live: Build | undefined, to: Build): Promise<void> {
  const behind = (live?.position ?? 0) - to.position;
  if (to.version === version || tool.dryRun) return;
  await tool.confirm(
    `This is v${to.version}, and this program v${version}: readers go back by ${grouped(Math.max(0, behind))} events, ` +
      'and it stands still until a jobs service of that version runs. Switch to it?',
  );
}

function switchedText({ from, to, behind }: Switched): string {
  const before = from ? `build ${from.build} of v${from.version}` : 'nothing';
  const back = behind > 0 ? `, ${grouped(behind)} events further back` : '';
  return `Readers of ${to.name} see build ${to.build} of v${to.version} instead of ${before}${back}.`;
}
