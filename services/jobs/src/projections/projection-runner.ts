/** Keeps one projection up with the log. Its place moves in the transaction of its rows, and only under its lock. */
import type { Log } from '#service-kit/log.js';
import type { Database, Transaction } from '../database/database.js';
import { Doorbell } from '../doorbell.js';
import { grouped } from '../event-log/histories.js';
import { readHead } from '../event-log/log-statements.js';
import { type LoggedEvent, readLog } from '../event-log/logged-event.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';
import { countParked, isPoison, type Parked, park, parkedSubjects } from './parking.js';
import { type Projection, tableNames } from './projection.js';
import { lockProjection, moveProjection, replaceOlder } from './registry.js';

const BATCH_POSITIONS = 500;
/** The writer of another process rings no bell here. */
const POLL_MS = 2_000;

export class ProjectionRunner {
  /** Rings when the log has grown. */
  readonly bell = new Doorbell();
  /** Whether readers were shown this version once it had caught up. */
  private shown = false;

  constructor(
    private readonly projection: Projection,
    private readonly database: Database,
    private readonly metrics: JobsMetrics,
    private readonly log: Log,
    /** Called after each batch that was applied. */
    private readonly onMoved: () => void = () => undefined,
  ) {}

  async run(signal: AbortSignal): Promise<void> {
    const what = `projection ${this.projection.name}`;
    await repeatedly({ what, log: this.log, signal }, async () => {
      if (await this.advance()) return;
      await this.bell.wait(POLL_MS, signal);
    });
  }

  /** Applies one batch; false when there is nothing left to apply. */
  async advance(): Promise<boolean> {
    // Rows and place are undone together, and the log has the events.
    const result = await this.database.transaction((tx) => this.applyBatch(tx), 'soon');
    this.shown ||= result.lag === 0;
    this.report(result);
    if (result.moved > 0) this.onMoved();
    return result.moved > 0;
  }

  private async applyBatch(tx: Transaction): Promise<BatchResult> {
    const after = await lockProjection(tx, this.projection);
    const head = await readHead(tx);
    const upTo = Math.min(head, after + BATCH_POSITIONS);
    if (upTo === head && !this.shown) await replaceOlder(tx, this.projection);
    if (upTo === after) return { moved: 0, lag: 0, parked: [], parkedInAll: await countParked(tx, this.projection) };
    const events = await readLog(tx, { after, upTo }, this.projection.takes);
    const parked = await this.applyEvents(tx, events);
    await park(tx, this.projection, parked);
    await moveProjection(tx, this.projection, upTo);
    const parkedInAll = await countParked(tx, this.projection);
    return { moved: upTo - after, lag: head - upTo, parked, parkedInAll };
  }

  /** Resolves with what could not be applied. */
  private async applyEvents(tx: Transaction, events: readonly LoggedEvent[]): Promise<Parked[]> {
    if (events.length === 0) return [];
    const subjects = grouped(events, (event) => event.subjectId);
    const waiting = await parkedSubjects(tx, this.projection, [...subjects.keys()]);
    const behind = events.filter((event) => waiting.has(event.subjectId)).map(behindParked);
    const applicable = events.filter((event) => !waiting.has(event.subjectId));
    if ((await this.attempt(tx, applicable)) === undefined) return behind;
    const parked = [...behind];
    for (const [subject, history] of subjects) {
      if (!waiting.has(subject)) parked.push(...(await this.applyUpToPoison(tx, history)));
    }
    return parked;
  }

  /** Of one subject: everything before the first event that fails; resolves with the rest. */
  private async applyUpToPoison(tx: Transaction, history: readonly LoggedEvent[]): Promise<Parked[]> {
    if ((await this.attempt(tx, history)) === undefined) return [];
    for (const [index, event] of history.entries()) {
      const error = await this.attempt(tx, [event]);
      if (error !== undefined) return [{ event, error }, ...history.slice(index + 1).map(behindParked)];
    }
    return [];
  }

  /** Applies all of them or none; resolves with the reason for none. */
  private async attempt(tx: Transaction, events: readonly LoggedEvent[]): Promise<string | undefined> {
    try {
      const { projection } = this;
      await tx.savepoint(() => projection.apply(tx, tableNames(projection.version), events));
      return undefined;
    } catch (error) {
      if (isPoison(error)) return String(error);
      throw error;
    }
  }

  private report({ moved, lag, parked, parkedInAll }: BatchResult): void {
    const { name, version } = this.projection;
    this.metrics.projected.inc({ projection: name }, moved);
    this.metrics.projectionLag.set({ projection: name }, lag);
    this.metrics.parked.set({ projection: name }, parkedInAll);
    for (const { event, error } of parked) {
      const { position, type, subjectId } = event;
      this.log.error({ projection: name, version, position, type, subjectId, error }, 'event parked');
    }
  }
}

interface BatchResult {
  /** Positions. */
  readonly moved: number;
  readonly lag: number;
  readonly parked: readonly Parked[];
  readonly parkedInAll: number;
}

function behindParked(event: LoggedEvent): Parked {
  return { event, error: 'an earlier event of the same subject is parked' };
}
