/** How full the queues are, known without asking: the numbers are read in the background. */
import { QUEUE_NAMES, QUEUE_ROUTES, type QueueName } from '#contracts/job-catalogue.js';
import { STREAM_FULL_SHARE } from '#contracts/limits.js';
import { ACCOUNT_STREAM, JOB_STREAM, ROUTE_ENGINES } from '#contracts/streams.js';
import type { Lane } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';
import { type QueueDepth, readQueueDepth, readStreamUsage } from '#eventing/queue-depth.js';
import type { WorkerRoster } from '#eventing/workers.js';
import { BoundedMap } from '../bounded-map.js';

export interface QueueNumbers {
  readonly waiting: number;
  readonly processing: number;
  /** Workers that take jobs of this queue. */
  readonly workers: number;
}

/** Which job stands where. */
export interface WaitingJob {
  readonly jobId: string;
  readonly lane: Lane;
}

/** A job's place, taken before it is stored so that many requests at once see each other. */
export interface QueuePlace {
  /** Jobs of the queue that are not finished, this one included. */
  readonly length: number;
  /** Behind all others; 1 is next. Whoever goes to the lane `interactive` is further ahead. */
  readonly position: number;
  /** The job is stored: from now on a reading of the server sees it. */
  stored(job: WaitingJob): void;
  /** The job was not stored after all. */
  leave(): void;
}

const BUSY_REFRESH_MS = 250;
const IDLE_REFRESH_MS = 2_000;
/** Without a question for so long, nobody needs fresh numbers. */
const IDLE_AFTER_MS = 5_000;
const STREAM_USAGE_REFRESH_MS = 5_000;
/** Older numbers are none. */
const STALE_AFTER_MS = 10_000;
const PLACES_MAX = 10_000;

interface Reading extends QueueDepth {
  /**
   * Jobs known to be stored when the reading began. Those that were being stored then may be in it or not: they are
   * counted beside it, so that for a moment a queue may look fuller than it is, and never emptier.
   */
  readonly storedBefore: number;
  readonly interactiveBefore: number;
}

export class QueueGauge {
  private readonly readings = new Map<QueueName, Reading>();
  private readonly entered = new Map<QueueName, number>();
  private readonly storedCount = new Map<QueueName, number>();
  private readonly interactiveCount = new Map<QueueName, number>();
  /** The place of a job within its lane when it was stored. */
  private readonly places = new BoundedMap<string, number>(PLACES_MAX);
  private streamUsage = 0;
  private streamUsageAt = 0;
  private readAt = 0;
  private usedAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly bus: Bus,
    private readonly roster: WorkerRoster,
  ) {}

  /**
   * Resolves when the first numbers are there, or cannot be read now; they are kept fresh until `stop`. A connection that
   * is lost at this moment must not end the process.
   */
  async start(): Promise<void> {
    await this.tick();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  get isFresh(): boolean {
    return Date.now() - this.readAt < STALE_AFTER_MS;
  }

  /** Whether the stream of jobs or of accounts is so full that only outcomes should go in. */
  get isStreamFull(): boolean {
    return this.streamUsage >= STREAM_FULL_SHARE;
  }

  numbers(queue: QueueName): QueueNumbers {
    this.use();
    const reading = this.readings.get(queue);
    const since = this.enteredSince(queue);
    const waiting = (reading?.waiting ?? 0) + since;
    return { waiting, processing: reading?.processing ?? 0, workers: this.workersOf(queue) };
  }

  /** Takes a place in a queue, or undefined when it is full. */
  enter(queue: QueueName, max: number): QueuePlace | undefined {
    const { waiting, processing } = this.numbers(queue);
    if (waiting + processing >= max) return undefined;
    count(this.entered, queue, 1);
    const stored = (job: WaitingJob) => this.remember(job, queue);
    const leave = () => count(this.entered, queue, -1);
    return { length: waiting + processing + 1, position: waiting + 1, stored, leave };
  }

  /**
   * Where a waiting job stands: in its lane nobody overtakes, so its first place counts and the length of the line; before
   * a bulk job stand all interactive ones.
   */
  positionOf({ jobId, lane }: WaitingJob, queue: QueueName): number {
    const interactive = this.interactiveIn(queue);
    const [before, line] = lane === 'interactive' ? [0, interactive] : [interactive, this.bulkIn(queue)];
    return before + Math.max(1, Math.min(this.places.get(jobId) ?? line, line));
  }

  private remember({ jobId, lane }: WaitingJob, queue: QueueName): void {
    const line = lane === 'interactive' ? this.interactiveIn(queue) + 1 : this.bulkIn(queue);
    this.places.set(jobId, line);
    count(this.storedCount, queue, 1);
    if (lane === 'interactive') count(this.interactiveCount, queue, 1);
  }

  private interactiveIn(queue: QueueName): number {
    const reading = this.readings.get(queue);
    const since = (this.interactiveCount.get(queue) ?? 0) - (reading?.interactiveBefore ?? 0);
    return (reading?.interactive ?? 0) + Math.max(0, since);
  }

  /** Those that are being stored are counted here: nobody knows their lane yet. */
  private bulkIn(queue: QueueName): number {
    return Math.max(0, this.numbers(queue).waiting - this.interactiveIn(queue));
  }

  /** After idle time the numbers may be seconds old: somebody who asks has them read at once. */
  private use(): void {
    const now = Date.now();
    this.usedAt = now;
    if (this.timer === undefined || now - this.readAt < BUSY_REFRESH_MS) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.tick();
  }

  private schedule(): void {
    if (this.stopped) return;
    const idle = Date.now() - this.usedAt > IDLE_AFTER_MS;
    this.timer = setTimeout(() => void this.tick(), idle ? IDLE_REFRESH_MS : BUSY_REFRESH_MS);
  }

  private async tick(): Promise<void> {
    this.timer = undefined;
    try {
      if (this.bus.isConnected()) await this.refresh();
    } catch (error) {
      this.bus.log.warn({ err: error }, 'the queues could not be read');
    }
    this.schedule();
  }

  private async refresh(): Promise<void> {
    await Promise.all(QUEUE_NAMES.map((queue) => this.read(queue)));
    this.readAt = Date.now();
    if (this.readAt - this.streamUsageAt < STREAM_USAGE_REFRESH_MS) return;
    const streams = [JOB_STREAM, ACCOUNT_STREAM];
    this.streamUsage = Math.max(...(await Promise.all(streams.map((stream) => readStreamUsage(this.bus, stream)))));
    this.streamUsageAt = Date.now();
  }

  private async read(queue: QueueName): Promise<void> {
    const storedBefore = this.storedCount.get(queue) ?? 0;
    const interactiveBefore = this.interactiveCount.get(queue) ?? 0;
    const depth = await readQueueDepth(this.bus, queue);
    this.readings.set(queue, { ...depth, storedBefore, interactiveBefore });
  }

  private enteredSince(queue: QueueName): number {
    const since = (this.entered.get(queue) ?? 0) - (this.readings.get(queue)?.storedBefore ?? 0);
    return Math.max(0, since);
  }

  /** The last engine that a job of the queue passes makes its output: its workers are the queue's. */
  private workersOf(queue: QueueName): number {
    const engines = new Set(QUEUE_ROUTES[queue].map((route) => ROUTE_ENGINES[route].at(-1)));
    return this.roster.list().filter(({ engine }) => engines.has(engine)).length;
  }
}

function count(counts: Map<QueueName, number>, queue: QueueName, by: number): void {
  counts.set(queue, (counts.get(queue) ?? 0) + by);
}
