/** `stream …`: what to do when JetStream or Postgres is lost. */
import type { Command } from 'commander';
import { ACCOUNT_STREAM, JOB_STREAM, type StreamSpec } from '#contracts/streams.js';
import { type StreamState, streamState } from '#eventing/stream-seed.js';
import { refillStream } from '#eventing/topology.js';
import { reconcileLog } from '../../event-log/log-reconciliation.js';
import { firstSequenceAfter, LogSeed, lastLoggedSequence } from '../../event-log/log-seed.js';
import { LostStreams, SeedingElsewhereError } from '../../event-log/lost-streams.js';
import { compareStream, type StreamComparison } from '../../event-log/stream-comparison.js';
import { EXIT, type ExitCode, refused } from '../exit-codes.js';
import { examples } from '../help.js';
import { grouped, table } from '../output.js';
import { Progress } from '../progress.js';
import { runWork, SILENT, type Tool } from '../tool.js';

const LOGGED_STREAMS: readonly StreamSpec[] = [JOB_STREAM, ACCOUNT_STREAM];

export function addStreamCommands(program: Command): void {
  const stream = program.command('stream').description('the streams in JetStream, and the log beside them');
  stream
    .command('reseed')
    .description('fill streams that are lost from the log; streams that are there are left as they are')
    .addHelpText('after', examples('stream reseed --dry-run', 'stream reseed', 'stream reseed --yes --json'))
    .action((_options: unknown, command: Command) => runWork(command, reseed));
  stream
    .command('reconcile')
    .description('compare the log with the streams, and write into it what it lacks; 1 when they differ after that')
    .addHelpText('after', examples('stream reconcile --dry-run', 'stream reconcile'))
    .action((_options: unknown, command: Command) => runWork(command, reconcile));
}

interface Plan {
  readonly stream: string;
  readonly state: StreamState;
  /** With what a lost stream is filled; absent when it is open, or new to the log. */
  readonly fill?: { readonly firstSequence: number; readonly finished: number; readonly open: number };
}

async function reseed(tool: Tool): Promise<ExitCode> {
  const plans: Plan[] = [];
  for (const spec of LOGGED_STREAMS) plans.push(await planOf(tool, spec));
  const lost = plans.filter(({ fill }) => fill);
  if (lost.length > 0 && !tool.dryRun) {
    await tool.confirm(`${planTable(plans)}\nFill from the log what is lost?`);
    for (const plan of lost) await refill(tool, plan);
  }
  tool.output.result({ streams: plans, done: lost.length > 0 && !tool.dryRun }, () => told(tool, plans, lost));
  return EXIT.ok;
}

async function planOf(tool: Tool, spec: StreamSpec): Promise<Plan> {
  const [bus, database] = [await tool.bus(), await tool.database()];
  const state = await streamState(bus, spec.name);
  const last = await lastLoggedSequence(database, spec.name);
  if (state === 'open' || last === 0) return { stream: spec.name, state };
  const firstSequence = firstSequenceAfter(last);
  const size = await new LogSeed(database, spec, firstSequence, Date.now()).size();
  return { stream: spec.name, state, fill: { firstSequence, ...size } };
}

async function refill(tool: Tool, { stream, fill }: Plan): Promise<void> {
  const [bus, database] = [await tool.bus(), await tool.database()];
  const progress = new Progress(stream, (fill?.finished ?? 0) + (fill?.open ?? 0));
  const onStored = (_spec: StreamSpec, count: number) => progress.update(count);
  const { restore } = new LostStreams({ database, log: SILENT, onStored });
  const spec = LOGGED_STREAMS.find(({ name }) => name === stream) ?? JOB_STREAM;
  try {
    await refillStream(bus, spec, tool.streamSizes(), restore);
  } catch (error) {
    if (error instanceof SeedingElsewhereError) throw refused('A jobs service is filling the streams already.');
    throw error;
  } finally {
    progress.end();
  }
}

function told(tool: Tool, plans: readonly Plan[], lost: readonly Plan[]): string {
  if (plans.every(({ state }) => state === 'open')) return 'Nothing is lost: both streams are there.';
  if (lost.length === 0) return 'The log knows nothing of what is missing: the jobs service makes it, empty.';
  if (tool.dryRun) return planTable(plans);
  return `${planTable(plans)}\nFilled. The jobs service makes the consumers when it starts, and the platform goes on.`;
}

function planTable(plans: readonly Plan[]): string {
  const columns = [
    { heading: 'stream' },
    { heading: 'is' },
    ...['events of ended jobs', 'other events', 'from sequence'].map((heading) => ({
      heading,
      align: 'right' as const,
    })),
  ];
  const rows = plans.map(({ stream, state, fill }) => {
    const numbers = fill ? [fill.finished, fill.open, fill.firstSequence].map(grouped) : [];
    return [stream, state, ...numbers];
  });
  return table(columns, rows);
}

async function reconcile(tool: Tool): Promise<ExitCode> {
  let found = await compareAll(tool);
  let added = 0;
  if (found.some(lacks) && !tool.dryRun) {
    const count = found.reduce((sum, { missing, notYetLogged }) => sum + missing + notYetLogged, 0);
    await tool.confirm(`The log lacks ${grouped(count)} events of the streams. Write them?`);
    added = await write(tool, found);
    found = await compareAll(tool);
  }
  const sound = !found.some(differs);
  tool.output.result({ sound, added, streams: found }, () => report(found, added));
  return sound ? EXIT.ok : EXIT.failed;
}

async function compareAll(tool: Tool): Promise<StreamComparison[]> {
  const around = { bus: await tool.bus(), sql: await tool.database(), signal: tool.signal };
  const found: StreamComparison[] = [];
  for (const spec of LOGGED_STREAMS) {
    const progress = new Progress(spec.name, 0);
    found.push(await compareStream(around, spec, (messages) => progress.update(messages)));
    progress.end();
  }
  return found;
}

async function write(tool: Tool, found: readonly StreamComparison[]): Promise<number> {
  const around = { bus: await tool.bus(), database: await tool.database(), log: SILENT, signal: tool.signal };
  const progress = new Progress('writing the log', 0);
  const again = found.filter(({ missing }) => missing > 0).map(({ stream }) => stream);
  const added = await reconcileLog({ ...around, onWritten: (count) => progress.update(count) }, again);
  progress.end();
  if (added === undefined)
    throw refused(
      'A jobs service leads: it writes by itself what is not logged yet. For what it has passed over, stop it and try again.',
    );
  return added;
}

function lacks({ missing, notYetLogged }: StreamComparison): boolean {
  return missing + notYetLogged > 0;
}

function differs({ missing, different, lost }: StreamComparison): boolean {
  return missing + different + lost > 0;
}

function report(found: readonly StreamComparison[], added: number): string {
  const numbers = ['messages', 'not logged yet', 'missing in the log', 'different', 'lost by the stream'];
  const columns = [{ heading: 'stream' }, ...numbers.map((heading) => ({ heading, align: 'right' as const }))];
  const rows = found.map(({ stream, messages, notYetLogged, missing, different, lost }) => {
    return [stream, ...[messages, notYetLogged, missing, different, lost].map(grouped)];
  });
  const named = found.flatMap(({ stream, named }) =>
    named.map(({ sequence, eventId }) => `${stream} ${sequence}: event ${eventId}`),
  );
  const written = added > 0 ? [`${grouped(added)} events were written into the log.`] : [];
  return [table(columns, rows), ...named, ...written].join('\n');
}
