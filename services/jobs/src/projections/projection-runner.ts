/** Keeps one projection up with the log. Its place moves in the transaction of its rows, and only under its lock. */
import type { Log } from '#service-kit/log.js';
import type { Database, Transaction } from '../database/database.js';
import { Doorbell } from '../doorbell.js';
import { readHead } from '../event-log/log-statements.js';
import { readLog } from '../event-log/logged-event.js';
import type { JobsMetrics } from '../metrics.js';
import { repeatedly } from '../repeating.js';
import { applyBatch } from './apply-batch.js';
import { lockOwnBuild } from './builds.js';
import { countParked, type Parked } from './parking.js';
import type { Projection } from './projection.js';
import { showNewer } from './registry.js';

const BATCH_POSITIONS = 500;
/** The writer of another process rings no bell here. */
const POLL_MS = 2_000;

export class ProjectionRunner {
  /** Rings when the log has grown. */
  readonly bell = new Doorbell();

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
    const result = await this.database.transaction((tx) => this.advanceIn(tx), 'soon');
    this.report(result);
    if (result.isNew && result.lag === 0) await this.show();
    if (result.moved > 0) this.onMoved();
    return result.moved > 0;
  }

  private async advanceIn(tx: Transaction): Promise<BatchResult> {
    const { projection } = this;
    const build = await lockOwnBuild(tx, projection);
    const head = await readHead(tx);
    const upTo = build.paused ? build.position : Math.min(head, build.position + BATCH_POSITIONS);
    const parked = upTo > build.position ? await this.apply(tx, build, upTo) : [];
    const isNew = build.shown_at === null && !build.paused;
    const parkedInAll = await countParked(tx, build);
    return { moved: upTo - build.position, lag: head - upTo, isNew, parked, parkedInAll };
  }

  private async apply(tx: Transaction, build: Awaited<ReturnType<typeof lockOwnBuild>>, upTo: number) {
    const { projection } = this;
    const events = await readLog(tx, { after: build.position, upTo }, projection.takes);
    return applyBatch(tx, { projection, build }, events, upTo);
  }

  private async show(): Promise<void> {
    const { name, version } = this.projection;
    const shown = await this.database.transaction((tx) => showNewer(tx, this.projection));
    if (shown) this.log.info({ projection: name, version }, 'a new version is shown');
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
  /** Readers have not been shown this build. */
  readonly isNew: boolean;
  readonly parked: readonly Parked[];
  readonly parkedInAll: number;
}
