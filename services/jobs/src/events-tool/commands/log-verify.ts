/** `log verify`: proves the log. */
import type { Command } from 'commander';
import { ACCOUNT_STREAM, JOB_STREAM } from '#contracts/streams.js';
import type { Database } from '../../database/database.js';
import { readHead } from '../../event-log/log-statements.js';
import { compareStream } from '../../event-log/stream-comparison.js';
import { CHECKS, type Finding, type Findings } from '../../verification/findings.js';
import { addDifferences } from '../../verification/stream-differences.js';
import { checkHead, verifyLog } from '../../verification/verify-log.js';
import { position } from '../arguments.js';
import { EXIT, type ExitCode, refused } from '../exit-codes.js';
import { examples } from '../help.js';
import { duration, grouped, table } from '../output.js';
import { Progress } from '../progress.js';
import { runWork, type Tool } from '../tool.js';

interface Options {
  readonly from: number;
  readonly streams: boolean;
}

export function addVerifyCommand(log: Command): void {
  log
    .command('verify')
    .description(
      'prove the log: no gap, every event once, hash chains, one end of each job, credits that add up, same as the streams',
    )
    .option('--from <position>', 'begin here: what is before was proven already', position, 1)
    .option('--no-streams', 'do not compare it with the streams')
    .addHelpText('after', examples('log verify', 'log verify --from 1000000 --no-streams', 'log verify --json'))
    .action((options: Options, command: Command) => runWork(command, (tool) => verify(tool, options)));
}

async function verify(tool: Tool, { from, streams }: Options): Promise<ExitCode> {
  const database = await tool.database();
  const head = await readHead(database);
  if (from > head + 1) throw refused(`There is no position ${from}: the log ends at ${head}.`);
  const startedAt = performance.now();
  const findings = await verifyEvents(tool, database, { after: from - 1, upTo: head });
  const logMs = performance.now() - startedAt;
  const compared = streams && (await compareStreams(tool, database, findings));
  tell(tool, findings, {
    events: head - from + 1,
    logMs,
    streamsMs: compared ? performance.now() - startedAt - logMs : 0,
  });
  return findings.wrong === 0 ? EXIT.ok : EXIT.failed;
}

async function verifyEvents(tool: Tool, database: Database, range: { after: number; upTo: number }): Promise<Findings> {
  const progress = new Progress('proving', range.upTo - range.after);
  try {
    const findings = await verifyLog(database, range, (done) => progress.update(done), tool.signal);
    await checkHead(database, findings);
    return findings;
  } finally {
    progress.end();
  }
}

/** Whether it could be done: without NATS there is nothing to compare with. */
async function compareStreams(tool: Tool, database: Database, findings: Findings): Promise<boolean> {
  if (!(await tool.knowsNats())) {
    tool.output.note('The streams are not compared: NATS_URL is missing.');
    return false;
  }
  const around = { bus: await tool.bus(), sql: database, signal: tool.signal };
  for (const spec of [JOB_STREAM, ACCOUNT_STREAM]) {
    const progress = new Progress(`comparing ${spec.name}`, 0);
    const comparison = await compareStream(around, spec, (done) => progress.update(done)).finally(() => progress.end());
    addDifferences(comparison, findings);
  }
  return true;
}

interface Times {
  readonly events: number;
  readonly logMs: number;
  readonly streamsMs: number;
}

function tell({ output }: Tool, findings: Findings, times: Times): void {
  const { tallies, list, wrong } = findings;
  const checks = tallies.map(({ check, looked, wrong: faults }) => ({ check, looked, wrong: faults }));
  const eventsPerSecond = Math.round(times.events / Math.max(times.logMs / 1_000, 0.001));
  const facts = { sound: wrong === 0, events: times.events, ms: Math.round(times.logMs), eventsPerSecond };
  output.result({ ...facts, streamsMs: Math.round(times.streamsMs), checks, findings: list }, () =>
    [checksTable(findings), ...list.map(lineOf), verdict(findings, times, eventsPerSecond)].join('\n'),
  );
}

function checksTable({ tallies }: Findings): string {
  const columns = [
    { heading: 'CHECK' },
    { heading: 'LOOKED AT', align: 'right' },
    { heading: 'WRONG', align: 'right' },
  ] as const;
  const rows = tallies.map(({ check, looked, wrong }) => [CHECKS[check], grouped(looked), grouped(wrong)]);
  return table(columns, rows);
}

function lineOf({ check, position: at, subjectId, message }: Finding): string {
  const place = [at === undefined ? '' : `position ${at}`, subjectId ?? ''].filter((part) => part !== '').join(', ');
  return `${CHECKS[check]}: ${place === '' ? '' : `${place}: `}${message}`;
}

function verdict({ wrong, list }: Findings, { events, logMs }: Times, rate: number): string {
  const speed = `${grouped(events)} events in ${duration(logMs)} (${grouped(rate)}/s)`;
  if (wrong === 0) return `The log is sound: ${speed}.`;
  const shown = wrong > list.length ? `, the first ${list.length} of which are listed` : '';
  return `The log is NOT sound: ${grouped(wrong)} faults${shown}; ${speed}.`;
}
