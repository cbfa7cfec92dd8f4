import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { isEnded, type Job } from '#contracts/domain/job.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import type { LivePreview } from '#contracts/live-preview.js';
import type { ProgressMessage } from '#contracts/progress.js';
import { ROUTE_ENGINES } from '#contracts/streams.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import {
  onCancel,
  publishLivePreview,
  publishProgress,
  watchJob,
  watchLivePreviews,
  watchProgress,
} from '#eventing/live.js';
import { createTopology } from '#eventing/topology.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { createLog } from '#service-kit/log.js';
import { type OwnTestNats, testNats } from '../../../test/support/servers.js';
import { SIZE } from '../../eventing/test/a-job.js';
import type { Engine } from '../src/engine.js';
import { JobWorker } from '../src/job-worker.js';
import { createPreviewEngine } from '../src/preview/preview-engine.js';

export interface WorkerParts {
  readonly engine: Engine;
  readonly assets?: FileAssetStore;
}

const log = createLog('test', 'silent');

/** A NATS server, a folder for assets, and workers inside the test's own process. */
export class WorkerKit {
  readonly store: JobStore;
  private readonly stops: (() => Promise<void>)[] = [];

  private constructor(
    private readonly nats: OwnTestNats,
    readonly bus: Bus,
    /** Where the assets lie. */
    readonly folder: string,
  ) {
    this.store = new JobStore(bus);
  }

  static async start(): Promise<WorkerKit> {
    const nats = await testNats({});
    const bus = await connectBus({ url: nats.url, service: 'jobs', log });
    await createTopology(bus, SIZE);
    return new WorkerKit(nats, bus, await mkdtemp(join(tmpdir(), 'ourvidz-worker-')));
  }

  /** Stops the workers and the watching. */
  async rest(): Promise<void> {
    await Promise.all(this.stops.splice(0).map((stop) => stop()));
  }

  async close(): Promise<void> {
    await this.bus.close();
    await this.nats.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Starts a worker that takes the jobs of this request's kind. */
  startWorker(
    { engine, assets = new FileAssetStore(this.folder) }: WorkerParts,
    jobType: JobRequested['jobType'] = 'sdxl_image_fast',
  ) {
    const { bus } = this;
    const stopping = new AbortController();
    const handBack = new AbortController();
    const ports = {
      workerId: 'w1',
      engine,
      store: new JobStore(bus),
      assets,
      log,
      urlOf: (key: string) => `http://here/assets/${key}`,
      sendProgress: (progress: ProgressMessage) => publishProgress(bus, progress),
      sendPreview: (preview: LivePreview) => publishLivePreview(bus, preview),
      onCancel: (jobId: string, listener: () => void) => onCancel(bus, jobId, listener),
    };
    const worker = new JobWorker(ports, { handBack: handBack.signal });
    const engineName = ROUTE_ENGINES[JOB_CATALOGUE[jobType].route].at(-1) ?? 'sdxl';
    const slot = runWorkSlot(bus, engineName, (delivery) => worker.handle(delivery), stopping.signal);
    const handBackNow = async () => {
      stopping.abort();
      handBack.abort();
      await slot;
    };
    this.stops.push(handBackNow);
    return { handBackNow };
  }

  /** The job as it ended. */
  async run(request: JobRequested, parts: WorkerParts): Promise<Job> {
    const watched = this.watch(request.jobId);
    await watched.ready;
    this.startWorker(parts, request.jobType);
    await this.store.request(request);
    return watched.ended;
  }

  /** Follows a job's events until it has ended. */
  watch(jobId: string) {
    const events: JobHistoryEvent[] = [];
    const waiting = new Map<string, () => void>();
    const ended = Promise.withResolvers<Job>();
    const live = watchJob(this.bus, jobId, (event) => {
      events.push(event);
      waiting.get(event.type)?.();
      void this.store.load(jobId, event.sequence).then((job) => job && isEnded(job) && ended.resolve(job));
    });
    this.stops.push(async () => live.close());
    const saw = (type: string) => new Promise<void>((resolve) => waiting.set(type, resolve));
    return { ready: live.subscribed, ended: ended.promise, saw, types: () => events.map((event) => event.type) };
  }

  /** The live previews of a job, as they come. */
  previewsOf(jobId: string): LivePreview[] {
    const previews: LivePreview[] = [];
    const stop = watchLivePreviews(this.bus, jobId, (preview) => previews.push(preview));
    this.stops.push(async () => stop());
    return previews;
  }

  /** Resolves with the first word of a job's progress that is far enough. */
  progressed(jobId: string, enough: (progress: ProgressMessage) => boolean = () => true): Promise<ProgressMessage> {
    return new Promise((resolve) => {
      const stop = watchProgress(this.bus, jobId, (progress) => {
        if (!enough(progress)) return;
        stop();
        resolve(progress);
      });
    });
  }
}

export async function engineOf(durationMs: number): Promise<Engine> {
  const engine = createPreviewEngine({ durationMs });
  await engine.setup(new AbortController().signal);
  return engine;
}
