/** What the worker processes share: configuration, the slot, presence, and stopping without losing the job in hand. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { resolveStore } from '#asset-store/resolve-store.js';
import { assetPath } from '#contracts/ids.js';
import type { ServiceName } from '#contracts/rights.js';
import { type EngineName, workConsumer } from '#contracts/streams.js';
import { LANES } from '#contracts/subjects.js';
import type { WorkerPresence } from '#contracts/worker-presence.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import type { Delivery } from '#eventing/delivery.js';
import { JobStore } from '#eventing/job-store.js';
import { onCancel, publishProgress } from '#eventing/live.js';
import { awaitTopology } from '#eventing/topology.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { announceWorker, PRESENCE_INTERVAL_MS } from '#eventing/workers.js';
import { Environment } from '#service-kit/environment.js';
import { createLog, LOG_LEVELS, type Log, type LogLevel } from '#service-kit/log.js';
import { type NatsSettings, readNatsSettings } from '#service-kit/nats-settings.js';
import { announceReady, runService, stopOnSignal } from '#service-kit/process-lifecycle.js';
import type { AttemptPorts } from './attempt.js';
import type { Engine } from './engine.js';
import { JobWorker } from './job-worker.js';
import { createPreviewEngine } from './preview/preview-engine.js';

export interface WorkerConfiguration {
  readonly nats: NatsSettings;
  readonly assetStore: string;
  readonly publicUrl: string;
  readonly engine: 'preview';
  readonly previewDurationMs: number;
  /** How long a stopping worker may finish the job in hand before it hands it back. */
  readonly drainMs: number;
  readonly logLevel: LogLevel;
}

const PREVIEW_MS = 2_000;
const DRAIN_SECONDS = 20;
/** On top of the drain: time to hand the job back and to close. */
const CLOSING_MS = 5_000;

function readWorkerConfiguration(source: NodeJS.ProcessEnv): WorkerConfiguration {
  const environment = new Environment(source);
  const configuration: WorkerConfiguration = {
    nats: readNatsSettings(environment),
    assetStore: environment.text('ASSET_STORE'),
    publicUrl: environment.url('PUBLIC_URL', ['http:', 'https:'], 'http://127.0.0.1:3000'),
    engine: environment.oneOf('ENGINE', ['preview'] as const, 'preview'),
    previewDurationMs: environment.integer('PREVIEW_DURATION_MS', PREVIEW_MS, { max: 600_000 }),
    drainMs: environment.integer('DRAIN_SECONDS', DRAIN_SECONDS, { max: 3_600 }) * 1_000,
    logLevel: environment.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
  };
  environment.check();
  return configuration;
}

/** Runs a worker until it is told to stop. */
export function runWorker(service: ServiceName, engineName: EngineName): void {
  let log = createLog(service, 'info');
  runService(
    () => log,
    async () => {
      const configuration = readWorkerConfiguration(process.env);
      log = createLog(service, configuration.logLevel);
      await new WorkerProcess(service, engineName, configuration, log).start();
    },
  );
}

class WorkerProcess {
  private readonly stopPulling = new AbortController();
  private readonly handBack = new AbortController();
  private readonly workerId = `${subjectToken(hostname())}-${randomUUID().slice(0, 8)}`;
  private readonly startedAt = new Date().toISOString();
  private jobId: string | undefined;

  constructor(
    private readonly service: ServiceName,
    private readonly engineName: EngineName,
    private readonly configuration: WorkerConfiguration,
    private readonly log: Log,
  ) {}

  async start(): Promise<void> {
    const { nats, drainMs } = this.configuration;
    const engine = createPreviewEngine({ durationMs: this.configuration.previewDurationMs });
    await engine.setup(this.stopPulling.signal);
    const bus = await connectBus({ ...nats, service: this.service, log: this.log });
    await awaitTopology(
      bus,
      LANES.map((lane) => workConsumer(this.engineName, lane)),
    );
    const worker = new JobWorker(this.ports(bus, engine), { handBack: this.handBack.signal });
    const slot = runWorkSlot(
      bus,
      this.engineName,
      (delivery) => this.handle(worker, bus, delivery),
      this.stopPulling.signal,
    );
    const presence = setInterval(() => this.announce(bus), PRESENCE_INTERVAL_MS);
    this.announce(bus);
    stopOnSignal(this.log, drainMs + CLOSING_MS, async () => {
      clearInterval(presence);
      await this.drain(slot, bus);
      await engine.close();
      await bus.close();
    });
    announceReady(this.log);
    await Promise.all([slot, bus.closed]);
  }

  private ports(bus: Bus, engine: Engine): AttemptPorts {
    const { assetStore, publicUrl } = this.configuration;
    return {
      workerId: this.workerId,
      engine,
      store: new JobStore(bus),
      assets: resolveStore(assetStore),
      log: this.log,
      urlOf: (key) => `${publicUrl.replace(/\/$/, '')}${assetPath(key)}`,
      sendProgress: (progress) => publishProgress(bus, progress),
      onCancel: (jobId, listener) => onCancel(bus, jobId, listener),
    };
  }

  private async handle(worker: JobWorker, bus: Bus, delivery: Delivery) {
    const event = delivery.event();
    this.jobId = event && 'jobId' in event.data ? event.data.jobId : undefined;
    this.announce(bus);
    try {
      return await worker.handle(delivery);
    } finally {
      this.jobId = undefined;
      this.announce(bus);
    }
  }

  /** Finishes the job in hand; when that takes too long, hands it back for another worker to go on with. */
  private async drain(slot: Promise<void>, bus: Bus): Promise<void> {
    this.stopPulling.abort();
    this.announce(bus);
    const limit = setTimeout(() => this.handBack.abort(), this.configuration.drainMs);
    await slot;
    clearTimeout(limit);
    announceWorker(bus, { ...this.presence(), state: 'leaving' });
  }

  private announce(bus: Bus): void {
    announceWorker(bus, this.presence());
  }

  private presence(): WorkerPresence {
    const { workerId: worker, engineName: engine, jobId, startedAt } = this;
    const state = this.stopPulling.signal.aborted ? 'draining' : jobId ? 'busy' : 'idle';
    return { worker, engine, state, jobId, startedAt };
  }
}

/** Host names have dots, subject tokens have none. */
function subjectToken(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, '-');
}
