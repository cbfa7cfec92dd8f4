/** Proves the log: reads all of it once, in stretches of positions, in memory that does not grow with the log. */
import type { Database, Transaction } from '../database/database.js';
import { Findings } from './findings.js';
import { examineLedger } from './ledger.js';
import { examineSegment, missingPositions, type Range, type SegmentReport } from './segment.js';

/** Small enough to be sorted in memory, large enough that a statement's fixed cost does not count. */
const SEGMENT_EVENTS = 10_000;
/** One works in Postgres while another's rows are read here. */
const AT_ONCE = 2;
/** Of a gap, so many positions are named. */
const NAMED_POSITIONS = 20;

interface SegmentResult {
  readonly range: Range;
  readonly report: SegmentReport;
  readonly missing: readonly number[];
  readonly ledger: Awaited<ReturnType<typeof examineLedger>>;
}

/** Examines a range of the log; `onProgress` hears how many positions are done. Rejects when aborted. */
export async function verifyLog(
  database: Database,
  range: Range,
  onProgress: (done: number) => void,
  signal: AbortSignal,
): Promise<Findings> {
  const findings = new Findings();
  for await (const result of examinedInOrder(database, range, signal)) {
    report(result, findings);
    onProgress(result.range.upTo - range.after);
  }
  return findings;
}

/** The head and the last row are at the same position, unless somebody has been at them. */
export async function checkHead(database: Database, findings: Findings): Promise<void> {
  const [ends] = await database.query<{ head: number; last: number }>(
    'select position as head, coalesce((select max(position) from events), 0) as last from log_head',
  );
  if (ends && ends.head !== ends.last) {
    const message = `the log's head is ${ends.head}, its last event is ${ends.last}`;
    findings.add({ check: 'positions', message });
  }
}

async function* examinedInOrder(
  database: Database,
  { after, upTo }: Range,
  signal: AbortSignal,
): AsyncGenerator<SegmentResult> {
  const running: Promise<SegmentResult>[] = [];
  let next = after;
  while (next < upTo || running.length > 0) {
    signal.throwIfAborted();
    while (next < upTo && running.length < AT_ONCE) {
      const range = { after: next, upTo: Math.min(next + SEGMENT_EVENTS, upTo) };
      next = range.upTo;
      const examining = database.transaction((tx) => examine(tx, range));
      // It is awaited in its turn; until then a failure must not count as unhandled.
      examining.catch(() => undefined);
      running.push(examining);
    }
    const first = await running.shift();
    if (first) yield first;
  }
}

async function examine(tx: Transaction, range: Range): Promise<SegmentResult> {
  // Compiling a statement costs more than running it once.
  await tx.query(`set local work_mem = '32MB'`);
  await tx.query('set local jit = off');
  const report = await examineSegment(tx, range);
  const ledger = await examineLedger(tx, range);
  const isWhole = report.events === range.upTo - range.after;
  const missing = isWhole ? [] : await missingPositions(tx, range, NAMED_POSITIONS);
  return { range, report, ledger, missing };
}

function report({ range, report, ledger, missing }: SegmentResult, findings: Findings): void {
  const lacking = range.upTo - range.after - report.events;
  findings.looked('positions', range.upTo - range.after);
  for (const position of missing) findings.add({ check: 'positions', position, message: 'nothing stands here' });
  const unnamed = lacking - missing.length;
  if (unnamed > 0)
    findings.add({ check: 'positions', message: `${unnamed} more are missing up to ${range.upTo}` }, unnamed);
  findings.looked('chains', report.events);
  for (const at of report.brokenChains)
    findings.add({
      check: 'chains',
      ...at,
      message: 'its hash does not follow from what it says and from the one before',
    });
  findings.looked('endings', report.endings);
  for (const at of report.secondEndings) findings.add({ check: 'endings', ...at, message: 'the job had ended before' });
  findings.looked('eventIds', report.events);
  for (const at of report.doubled)
    findings.add({
      check: 'eventIds',
      ...at,
      message: 'its id stands elsewhere too, or is missing in the register of ids',
    });
  findings.looked('order', report.events);
  for (const at of report.fallen)
    findings.add({
      check: 'order',
      ...at,
      message: 'its sequence is not above that of the event of its stream before it',
    });
  findings.looked('ledger', ledger.events);
  for (const finding of ledger.findings) findings.add(finding);
}
