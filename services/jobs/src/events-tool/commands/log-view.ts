/** `log tail` and `log show`: what happened. */
import { type Command, InvalidArgumentError } from 'commander';
import { type EventType, JOB_HISTORY_TYPES, type JobHistoryEvent } from '#contracts/events/registry.js';
import { isUuid } from '#contracts/ids.js';
import { pauseUnlessAborted } from '#service-kit/pause.js';
import type { Database } from '../../database/database.js';
import { type Span, waterfall } from '../../event-log/job-waterfall.js';
import { readHead } from '../../event-log/log-statements.js';
import { readSubjects } from '../../event-log/logged-event.js';
import { positionBefore } from '../../event-log/position-before.js';
import {
  eventsAfter,
  lastEvents,
  ledgerOfJob,
  nameOf,
  type RawLogEvent,
  type Selection,
  typesNamed,
} from '../../event-log/raw-events.js';
import { count, jobId, moment } from '../arguments.js';
import { EXIT, type ExitCode, refused } from '../exit-codes.js';
import { examples } from '../help.js';
import { duration, table } from '../output.js';
import { runWork, type Tool } from '../tool.js';

const BATCH = 1_000;
const LOOK_MS = 500;
const BAR_CELLS = 40;

interface TailOptions {
  readonly filter: Selection;
  readonly since?: Date;
  readonly lines: number;
  readonly follow?: boolean;
}

export function addViewCommands(log: Command): void {
  log
    .command('tail')
    .description('show the last events, or those since a time')
    .option(
      '--filter <what>',
      'only events of this name (JobFailed, Credits*) or about this job, account, …; may be repeated',
      selected,
      NOTHING_LEFT_OUT,
    )
    .option('--since <time>', 'all since then: 2026-01-31T12:00:00Z, or how long ago: 15m, 2h, 7d', moment)
    .option('--lines <n>', 'how many of the last ones', count, 20)
    .option('-f, --follow', 'go on with what comes, until Ctrl-C')
    .addHelpText(
      'after',
      examples('log tail', 'log tail -f --filter JobFailed', 'log tail --since 2h --filter "Credits*" --json'),
    )
    .action((options: TailOptions, command: Command) => runWork(command, (tool) => tail(tool, options)));
  log
    .command('show')
    .description('show what happened to a job, and where its time went')
    .argument('<job>', 'the id of the job', jobId)
    .addHelpText('after', examples('log show 0199d5a2-6c3e-7b11-9f0e-3d3c2a1b0f11'))
    .action((job: string, _options: unknown, command: Command) => runWork(command, (tool) => show(tool, job)));
}

const NOTHING_LEFT_OUT: Selection = { types: [], subjectIds: [] };

function selected(text: string, before: Selection): Selection {
  if (isUuid(text)) return { ...before, subjectIds: [...before.subjectIds, text.toLowerCase()] };
  const types = typesNamed(text);
  if (types.length > 0) return { ...before, types: [...before.types, ...types] };
  if (/^[0-9a-f]{16,}$/.test(text)) return { ...before, subjectIds: [...before.subjectIds, text] };
  throw new InvalidArgumentError('It is neither the name of an event, such as JobFailed or Credits*, nor an id.');
}

async function tail(tool: Tool, { filter, since, lines, follow }: TailOptions): Promise<ExitCode> {
  const database = await tool.database();
  const head = await readHead(database);
  const first = since ? [] : await lastEvents(database, filter, head, lines);
  for (const event of first) print(tool, event);
  let after = since ? await positionBefore(database, since) : head;
  while (!tool.signal.aborted) {
    const events = await eventsAfter(database, filter, after, BATCH);
    for (const event of events) print(tool, event);
    after = events.at(-1)?.position ?? after;
    if (events.length === BATCH) continue;
    if (!follow) break;
    await pauseUnlessAborted(LOOK_MS, tool.signal);
  }
  return EXIT.ok;
}

function print({ output }: Tool, event: RawLogEvent): void {
  output.line({ name: nameOf(event), ...event }, () => {
    const position = String(event.position).padStart(9);
    return `${position}  ${event.occurredAt.toISOString()}  ${nameOf(event).padEnd(16)}  ${event.subjectId}  ${gist(event)}`.trimEnd();
  });
}

/** What tells one event from another of its type. Never the text of a prompt. */
const TELLING = ['jobType', 'attempt', 'worker', 'code', 'amount', 'balance', 'index', 'skipped', 'reason', 'name'];

function gist({ data }: RawLogEvent): string {
  const { assets } = data;
  const told = TELLING.filter((key) => ['string', 'number'].includes(typeof data[key])).map(
    (key) => `${key}=${data[key]}`,
  );
  return [...told, ...(Array.isArray(assets) ? [`assets=${assets.length}`] : [])].join(' ');
}

async function show(tool: Tool, job: string): Promise<ExitCode> {
  const database = await tool.database();
  const events = await eventsAfter(database, { types: [], subjectIds: [job] }, 0, BATCH);
  if (events.length === 0) throw refused(`The log knows no job ${job}.`);
  const history = (await readSubjects(database, [job], ...JOB_HISTORY_TYPES)) as readonly JobHistoryEvent[];
  const spans = waterfall(history, new Date());
  const credits = await creditsOf(database, history, job);
  const facts = { jobId: job, spans, events, credits };
  tool.output.result(facts, () => [waterfallText(spans), '', eventTable([...events, ...credits])].join('\n'));
  return EXIT.ok;
}

async function creditsOf(database: Database, history: readonly JobHistoryEvent[], job: string): Promise<RawLogEvent[]> {
  const requested = history.find(({ type }) => type === ('JobRequested' satisfies EventType));
  return requested?.type === 'JobRequested' ? ledgerOfJob(database, requested.data.accountKey, job) : [];
}

/** Each span as a bar at its place in the whole. */
function waterfallText(spans: readonly Span[]): string {
  const whole = spans.reduce((total, { ms }) => total + ms, 0);
  const cells = (ms: number) => Math.round((ms / Math.max(whole, 1)) * BAR_CELLS);
  const rows = spans.map(({ phase, from, ms }) => {
    const before = Math.min(cells(from), BAR_CELLS - 1);
    return [phase, duration(ms), `${' '.repeat(before)}${'█'.repeat(Math.max(cells(from + ms) - before, 1))}`];
  });
  const columns = [{ heading: 'PHASE' }, { heading: 'TIME', align: 'right' }, { heading: '' }] as const;
  return table(columns, [...rows, ['whole', duration(whole), '']]);
}

function eventTable(events: readonly RawLogEvent[]): string {
  const ordered = [...events].sort((a, b) => a.position - b.position);
  const rows = ordered.map((event) => [event.position, event.occurredAt.toISOString(), nameOf(event), gist(event)]);
  const columns = [{ heading: 'POSITION', align: 'right' }, { heading: 'TIME' }, { heading: 'EVENT' }, { heading: '' }];
  return table(columns as Parameters<typeof table>[0], rows);
}
