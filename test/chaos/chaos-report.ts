/** What a run is told as: two Markdown tables, and the first of whatever was found wrong. */
import type { Settlements } from './account-audit.js';
import { type ChaosResult, countBy } from './chaos-run.js';
import { KINDS } from './fault-schedule.js';
import type { Verdict } from './verdict.js';

const VERDICTS: readonly Verdict[] = ['lost', 'doubled', 'stuck', 'wrong'];
const MOST_FINDINGS = 40;

/** The result as Markdown. */
export function reportOf(result: ChaosResult): string {
  return [
    ...faultTable(result),
    '',
    ...outcomeTable(result),
    '',
    slowestJob(result),
    '',
    ...findingLines(result),
    again(result),
  ].join('\n');
}

/** The result as one JSON document. */
export function jsonOf(result: ChaosResult): string {
  const { findings, faults, ...rest } = result;
  return JSON.stringify({ ...rest, faults: faults.length, ...verdicts(result), findings }, undefined, 2);
}

/** Kinds of faults by what they hit. */
function faultTable({ faults }: ChaosResult): string[] {
  const kinds = KINDS.filter((kind) => faults.some((fault) => fault.kind === kind));
  const targets = [...new Set(faults.map(({ target }) => withoutNumber(target)))].sort();
  const count = (target: string, kind: string) =>
    faults.filter((fault) => withoutNumber(fault.target) === target && fault.kind === kind).length || '';
  return [
    row('faults', ...kinds),
    row('---', ...kinds.map(() => '--:')),
    ...targets.map((target) => row(target, ...kinds.map((kind) => count(target, kind)))),
  ];
}

function outcomeTable(result: ChaosResult): string[] {
  const { faults, jobs, accepted, unanswered, events, assets, watchers, waits, settlements } = result;
  const ended = Object.entries(jobs).map(([status, number]) => `${number} ${status}`);
  const rows: (readonly [string, string | number])[] = [
    ['faults', faults.length],
    ['jobs accepted', accepted],
    ['unanswered requests (of them stored)', `${unanswered.posts} (${unanswered.jobs})`],
    ['jobs by their end', ended.join(', ')],
    ['events, assets, watched jobs', `${events}, ${assets}, ${watchers}`],
    ['jobs charged, given back (of them without a job)', givenBack(settlements)],
    ['settlements lost, doubled', `${settlements.lost}, ${settlements.doubled}`],
    ...Object.entries(verdicts(result)),
    ['longest recovery after a fault', seconds(waits.recoveryMs)],
    ['longest standstill of a begun job', seconds(waits.standstillMs)],
    ['longest from request to end', seconds(waits.jobMs)],
  ];
  return [row('', 'number'), row('---', '--:'), ...rows.map((cells) => row(...cells))];
}

function givenBack({ charged, released, orphans }: Settlements): string {
  return `${charged}, ${released} (${orphans})`;
}

function slowestJob({ waits }: ChaosResult): string {
  const events = waits.slowestJob.map(({ event, afterMs }) => `${event} ${seconds(afterMs)}`);
  return `The job that took longest: ${events.join(', ')}`;
}

function verdicts({ findings }: ChaosResult): Record<Verdict, number> {
  const counts = countBy(findings.map(({ verdict }) => verdict));
  return Object.fromEntries(VERDICTS.map((verdict) => [verdict, counts[verdict] ?? 0])) as Record<Verdict, number>;
}

function findingLines({ findings }: ChaosResult): string[] {
  const lines = findings.slice(0, MOST_FINDINGS).map(({ verdict, text }) => `* ${verdict}: ${text}`);
  const more = findings.length - lines.length;
  return [...lines, ...(more > 0 ? [`* and ${more} more`] : []), ...(lines.length > 0 ? [''] : [])];
}

function again({ options: { jobs, seconds, faultEveryMs, seed } }: ChaosResult): string {
  const options = `--jobs ${jobs} --seconds ${seconds} --fault-every ${faultEveryMs} --seed ${seed}`;
  return `Again: npm run chaos -- ${options}`;
}

function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function withoutNumber(target: string): string {
  return target.replace(/-\d+$/, '');
}
