/** What all worker processes share: configuration, the slot, presence, and stopping without losing the job in hand. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ServiceName } from '#contracts/rights.js';
import { type EngineName, workConsumer } from '#contracts/streams.js';
import { LANES } from '#contracts/subjects.js';
import type { WorkerPresence } from '#contracts/worker-presence.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import type { Delivery } from '#eventing/delivery.js';
import type { Handled } from '#eventing/handled.js';
import { awaitTopology } from '#eventing/topology.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { announceWorker, PRESENCE_INTERVAL_MS } from '#eventing/workers.js';
import { Environment } from '#service-kit/environment.js';
import { createLog, LOG_LEVELS, type Log, type LogLevel } from '#service-kit/log.js';
import { type NatsSettings, readNatsSettings } from '#service-kit/nats-settings.js';
import { announceReady, runService, stopOnSignal } from '#service-kit/process-lifecycle.js';

/** One kind of worker: what it takes, what it has to be told, and how it gets ready. */
export interface WorkerKind<Settings> {
  readonly service: ServiceName;
  /** Whose consumers it pulls from. */
  readonly engine: EngineName;
  readonly readSettings: (environment: Environment) => Settings;
  /** Resolves when it can take work. */
  readonly prepare: (settings: Settings, around: WorkerSurroundings) => Promise<Work>;
}

/** What the process gives to the work that it does. */
export interface WorkerSurroundings {
  readonly workerId: string;
  readonly bus: Bus;
  readonly log: Log;
  /** Aborts when the process stops taking work. */
  readonly stopping: AbortSignal;
  /** Aborts when the job in hand must be given back at once. */
  readonly handBack: AbortSignal;
}

/** What a worker does with the messages that it takes, one at a time. */
export interface Work {
  handle(delivery: Delivery): Promise<Handled>;
  close(): Promise<void>;
}

interface ProcessSettings {
  readonly nats: NatsSettings;
  /** How long a stopping worker may finish the job in hand before it hands it back. */
  readonly drainMs: number;
  readonly logLevel: LogLevel;
}

const DRAIN_SECONDS = 20;
/** On top of the drain: time to hand the job back and to close. */
const CLOSING_MS = 5_000;

/** Runs a worker until it is told to stop. */
export function runWorkerProcess<Settings>(kind: WorkerKind<Settings>): void {
  let log = createLog(kind.service, 'info');
  runService(
    () => log,
    async () => {
      const environment = new Environment(process.env);
      const own = readProcessSettings(environment);
      const settings = kind.readSettings(environment);
      environment.check();
      log = createLog(kind.service, own.logLevel);
      await new WorkerProcess(kind, settings, own, log).start();
    },
  );
}

function readProcessSettings(environment: Environment): ProcessSettings {
  return {
    nats: readNatsSettings(environment),
    drainMs: environment.integer('DRAIN_SECONDS', DRAIN_SECONDS, { max: 3_600 }) * 1_000,
    logLevel: environment.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
  };
}

class WorkerProcess<Settings> {
  private readonly stopPulling = new AbortController();
  private readonly handBack = new AbortController();
  private readonly workerId = `${subjectToken(hostname())}-${randomUUID().slice(0, 8)}`;
  private readonly startedAt = new Date().toISOString();
  private jobId: string | undefined;

  constructor(
    private readonly kind: WorkerKind<Settings>,
    private readonly settings: Settings,
    private readonly own: ProcessSettings,
    private readonly log: Log,
  ) {}

  async start(): Promise<void> {
    const { service, engine } = this.kind;
    const bus = await connectBus({ ...this.own.nats, service, log: this.log });
    await awaitTopology(
      bus,
      LANES.map((lane) => workConsumer(engine, lane)),
    );
    const work = await this.kind.prepare(this.settings, this.surroundings(bus));
    const slot = runWorkSlot(bus, engine, (delivery) => this.handle(work, bus, delivery), this.stopPulling.signal);
    const presence = setInterval(() => this.announce(bus), PRESENCE_INTERVAL_MS);
    this.announce(bus);
    stopOnSignal(this.log, this.own.drainMs + CLOSING_MS, async () => {
      clearInterval(presence);
      await this.drain(slot, bus);
      await work.close();
      await bus.close();
    });
    announceReady(this.log);
    await Promise.all([slot, bus.closed]);
  }

  private surroundings(bus: Bus): WorkerSurroundings {
    const { workerId, log, stopPulling, handBack } = this;
    return { workerId, bus, log, stopping: stopPulling.signal, handBack: handBack.signal };
  }

  private async handle(work: Work, bus: Bus, delivery: Delivery): Promise<Handled> {
    const event = delivery.event();
    this.jobId = event && 'jobId' in event.data ? event.data.jobId : undefined;
    this.announce(bus);
    try {
      return await work.handle(delivery);
    } finally {
      this.jobId = undefined;
      this.announce(bus);
    }
  }

  /** Finishes the job in hand; when that takes too long, hands it back for another worker to go on with. */
  private async drain(slot: Promise<void>, bus: Bus): Promise<void> {
    this.stopPulling.abort();
    this.announce(bus);
    const limit = setTimeout(() => this.handBack.abort(), this.own.drainMs);
    await slot;
    clearTimeout(limit);
    announceWorker(bus, { ...this.presence(), state: 'leaving' });
  }

  private announce(bus: Bus): void {
    announceWorker(bus, this.presence());
  }

  private presence(): WorkerPresence {
    const { workerId: worker, jobId, startedAt } = this;
    const state = this.stopPulling.signal.aborted ? 'draining' : jobId ? 'busy' : 'idle';
    return { worker, engine: this.kind.engine, state, jobId, startedAt };
  }
}

/** Host names have dots, subject tokens have none. */
function subjectToken(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, '-');
}
