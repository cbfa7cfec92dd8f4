/** Brings builds up to a place in the log, several of them with one reading of it. */
import type { EventType } from '#contracts/events/registry.js';
import type { Database } from '../database/database.js';
import { type LoggedEvent, readLog } from '../event-log/logged-event.js';
import { applyBatch } from '../projections/apply-batch.js';
import { type Build, lockBuild } from '../projections/builds.js';
import type { Projection } from '../projections/projection.js';

/**
 * Large enough that most jobs begin and end within a batch, and are written once; small enough for the memory of two: one
 * is read while the other is applied.
 */
const BATCH_POSITIONS = 2_000;

/** A build that is to be brought up, and how far. */
export interface Goal {
  readonly projection: Projection;
  readonly build: Build;
  /** Position. */
  readonly upTo: number;
}

export interface Pace {
  /** Called after each batch with the position that all have reached, and how many events were parked. */
  readonly onMoved?: (position: number, parked: number) => void;
  /** Ends it after the batch in hand. */
  readonly signal?: AbortSignal;
}

/** Every batch is committed with its place: who begins again goes on from there. Resolves with the places reached. */
export async function bringUp(database: Database, goals: readonly Goal[], pace: Pace = {}): Promise<Build[]> {
  const builders = goals.map((goal) => new Builder(database, goal));
  const reader = new ReadAhead(database, [...new Set(goals.flatMap(({ projection }) => projection.takes))]);
  const end = Math.max(0, ...goals.map(({ upTo }) => upTo));
  for (let after = lowest(builders); after < end && !pace.signal?.aborted; after = lowest(builders)) {
    const upTo = Math.min(after + BATCH_POSITIONS, end);
    const events = await reader.read(after, upTo, end);
    const parked = await Promise.all(builders.map((builder) => builder.advance(events, upTo)));
    pace.onMoved?.(upTo, sum(parked));
  }
  await reader.finish();
  return builders.map((builder) => builder.build);
}

class Builder {
  private readonly takes: ReadonlySet<EventType>;

  constructor(
    private readonly database: Database,
    private readonly goal: Goal,
  ) {
    this.takes = new Set(goal.projection.takes);
    this.build = goal.build;
  }

  build: Build;

  get isThere(): boolean {
    return this.build.position >= this.goal.upTo;
  }

  /** Resolves with the number of events that were parked. */
  async advance(events: readonly LoggedEvent[], batchEnd: number): Promise<number> {
    const upTo = Math.min(batchEnd, this.goal.upTo);
    if (this.isThere || this.build.position >= upTo) return 0;
    // Rows and place are undone together, and the log has the events.
    return this.database.transaction(async (tx) => {
      const { projection } = this.goal;
      const build = await lockBuild(tx, this.build);
      // The service may work on it too.
      const next = events.filter((event) => this.isNext(event, build, upTo));
      const parked = build.position < upTo ? await applyBatch(tx, { projection, build }, next, upTo) : [];
      this.build = { ...build, position: Math.max(build.position, upTo) };
      return parked.length;
    }, 'soon');
  }

  private isNext({ position, type, time }: LoggedEvent, build: Build, upTo: number): boolean {
    if (position <= build.position || position > upTo || !this.takes.has(type)) return false;
    return !build.as_of || Date.parse(time) <= build.as_of.getTime();
  }
}

/** Reads the next batch while the one before is applied: the log behind its head does not change. */
class ReadAhead {
  private ahead: { readonly after: number; readonly events: Promise<LoggedEvent[]> } | undefined;

  constructor(
    private readonly database: Database,
    private readonly types: readonly EventType[],
  ) {}

  async read(after: number, upTo: number, end: number): Promise<LoggedEvent[]> {
    const events = await (this.ahead?.after === after ? this.ahead.events : this.start(after, upTo));
    const next = Math.min(upTo + BATCH_POSITIONS, end);
    this.ahead = next > upTo ? { after: upTo, events: this.start(upTo, next) } : undefined;
    return events;
  }

  /** What was begun must have ended before the database is closed; it tells nobody anything any more. */
  async finish(): Promise<void> {
    await this.ahead?.events.catch(() => undefined);
  }

  private start(after: number, upTo: number): Promise<LoggedEvent[]> {
    const events = readLog(this.database, { after, upTo }, this.types);
    // Looked at when it is its turn.
    events.catch(() => undefined);
    return events;
  }
}

/** Of those that have not arrived. */
function lowest(builders: readonly Builder[]): number {
  return Math.min(...builders.filter(({ isThere }) => !isThere).map(({ build }) => build.position));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
