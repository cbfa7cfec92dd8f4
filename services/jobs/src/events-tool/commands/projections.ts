/** `projections …`: the read models, their builds, and the way from one to another. */
import type { Command } from 'commander';
import {
  type BuildStanding,
  type Overview,
  pauseProjections,
  readOverview,
  resumeProjections,
} from '../../rebuild/overview.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { examples } from '../help.js';
import { grouped, table } from '../output.js';
import { runWork, type Tool } from '../tool.js';
import { chosen } from './chosen-projections.js';
import { asOf } from './past-states.js';
import { compare, rebuild, rollBack, switchBuild } from './rebuilds.js';

export function addProjectionCommands(program: Command): void {
  const projections = program.command('projections').description('what is computed from the event log');
  addLooking(projections);
  addRebuilding(projections);
  addPausing(projections);
  addPast(projections);
}

function addLooking(projections: Command): void {
  projections
    .command('list')
    .description('list the projections as readers see them')
    .addHelpText('after', examples('projections list', 'projections list --json'))
    .action((_options: unknown, command: Command) => runWork(command, list));
  projections
    .command('status [names...]')
    .description('list every build of projections')
    .addHelpText('after', examples('projections status', 'projections status jobs'))
    .action((names: string[], _options: unknown, command: Command) => runWork(command, (tool) => status(tool, names)));
}

function addRebuilding(projections: Command): void {
  projections
    .command('rebuild [names...]')
    .description('build again beside the live ones, compare, and switch; goes on where one was broken off')
    .option('--all', 'all projections')
    .option('--afresh', 'begin again from the start of the log')
    .option('--no-switch', 'end after the comparison; 1 when they differ')
    .addHelpText(
      'after',
      examples('projections rebuild jobs', 'projections rebuild --all --yes', 'projections rebuild usage --no-switch'),
    )
    .action((names: string[], options: { all?: true; afresh?: true; switch: boolean }, command: Command) =>
      runWork(command, (tool) => rebuild(tool, chosen(names, options.all), options)),
    );
  projections
    .command('compare <name>')
    .description('compare the live build with the new or the kept one, by a hash for each table; 1 when they differ')
    .addHelpText('after', examples('projections compare jobs'))
    .action((name: string, _options: unknown, command: Command) => runWork(command, (tool) => compare(tool, name)));
  projections
    .command('switch <name>')
    .description('show the new build to readers')
    .addHelpText('after', examples('projections switch usage'))
    .action((name: string, _options: unknown, command: Command) => runWork(command, (tool) => switchBuild(tool, name)));
  projections
    .command('rollback <name>')
    .description('show the build that was live before; once more, and it is as it was')
    .addHelpText('after', examples('projections rollback usage'))
    .action((name: string, _options: unknown, command: Command) => runWork(command, (tool) => rollBack(tool, name)));
}

function addPausing(projections: Command): void {
  projections
    .command('pause [names...]')
    .description('let the service leave projections alone: readers see them stand still')
    .option('--all', 'all projections')
    .addHelpText('after', examples('projections pause usage'))
    .action((names: string[], { all }: { all?: true }, command: Command) =>
      runWork(command, (tool) => setPaused(tool, chosen(names, all), true)),
    );
  projections
    .command('resume [names...]')
    .description('let the service keep projections up with the log again')
    .option('--all', 'all projections')
    .addHelpText('after', examples('projections resume usage', 'projections resume --all'))
    .action((names: string[], { all }: { all?: true }, command: Command) =>
      runWork(command, (tool) => setPaused(tool, chosen(names, all), false)),
    );
}

function addPast(projections: Command): void {
  projections
    .command('as-of <time>')
    .description('build the projections as they were at a moment, in a schema of their own')
    .option('--only <names...>', 'these projections alone')
    .option('--drop', 'remove the schema again')
    .addHelpText(
      'after',
      examples('projections as-of 2026-11-24T12:00:00Z', 'projections as-of 2026-11-24 --only accounts usage'),
    )
    .action((time: string, options: { only?: string[]; drop?: true }, command: Command) =>
      runWork(command, (tool) => asOf(tool, time, options)),
    );
}

async function list(tool: Tool): Promise<ExitCode> {
  const overview = await readOverview(await tool.database());
  const live = overview.builds.filter(({ state }) => state === 'live');
  tool.output.result({ ...overview, builds: live }, () => listText(overview, live));
  return EXIT.ok;
}

async function status(tool: Tool, names: readonly string[]): Promise<ExitCode> {
  const wanted = names.length > 0 ? chosen(names, undefined).map(({ name }) => name) : undefined;
  const overview = await readOverview(await tool.database());
  const builds = overview.builds.filter(({ name }) => wanted?.includes(name) ?? true);
  tool.output.result({ ...overview, builds }, () => statusText(overview, builds));
  return EXIT.ok;
}

async function setPaused(tool: Tool, projections: readonly { readonly name: string }[], paused: boolean) {
  const names = projections.map(({ name }) => name);
  if (!tool.dryRun) await (paused ? pauseProjections : resumeProjections)(await tool.database(), names);
  tool.output.result({ names, paused }, () => `${paused ? 'Paused' : 'Resumed'}: ${names.join(', ')}`);
  return EXIT.ok;
}

const RIGHT = 'right' as const;

function listText({ head, paused, builds }: Overview, live: readonly BuildStanding[]): string {
  const columns = [
    ...[{ heading: 'PROJECTION' }, { heading: 'VERSION', align: RIGHT }, { heading: 'POSITION', align: RIGHT }],
    ...[{ heading: 'BEHIND', align: RIGHT }, { heading: 'PARKED', align: RIGHT }, { heading: 'NOTES' }],
  ];
  const rows = live.map(({ name, version, position, behind, parked }) => {
    const rebuilt = builds.find((build) => build.name === name && build.state === 'new');
    const notes = [
      paused.includes(name) ? 'paused' : '',
      rebuilt ? `build ${rebuilt.build} of v${rebuilt.version} is new, at ${grouped(rebuilt.position)}` : '',
    ];
    const note = notes.filter(Boolean).join('; ');
    return [name, version, grouped(position), grouped(behind), grouped(parked), note];
  });
  return `${table(columns, rows)}\n\nThe log ends at ${grouped(head)}.`;
}

function statusText({ head, paused }: Overview, builds: readonly BuildStanding[]): string {
  const columns = [
    ...[{ heading: 'PROJECTION' }, { heading: 'VERSION', align: RIGHT }, { heading: 'BUILD', align: RIGHT }],
    ...[{ heading: 'STATE' }, { heading: 'POSITION', align: RIGHT }, { heading: 'BEHIND', align: RIGHT }],
    ...[{ heading: 'PARKED', align: RIGHT }, { heading: 'MB', align: RIGHT }, { heading: 'TABLES' }],
  ];
  const rows = builds.map(({ name, version, build, state, position, behind, parked, bytes, tables, asOf }) => {
    const shown = state === 'past' ? `as of ${asOf}` : `${state}${paused.includes(name) ? ', paused' : ''}`;
    const numbers = [grouped(position), grouped(behind), grouped(parked), (bytes / 1e6).toFixed(1)];
    return [name, version, build, shown, ...numbers, tables.join(' ')];
  });
  return `${table(columns, rows)}\n\nThe log ends at ${grouped(head)}.`;
}
