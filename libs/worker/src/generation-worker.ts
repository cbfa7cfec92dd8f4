/** The workers that make pictures and videos: their configuration, their engine, and the attempts of their jobs. */
import { resolveStore } from '#asset-store/resolve-store.js';
import { assetPath } from '#contracts/ids.js';
import type { ServiceName } from '#contracts/rights.js';
import type { EngineName } from '#contracts/streams.js';
import { JobStore } from '#eventing/job-store.js';
import { onCancel, publishLivePreview, publishProgress } from '#eventing/live.js';
import type { Environment } from '#service-kit/environment.js';
import { JobWorker } from './job-worker.js';
import { createPreviewEngine } from './preview/preview-engine.js';
import { runWorkerProcess, type Work, type WorkerSurroundings } from './worker-process.js';

interface GenerationSettings {
  readonly assetStore: string;
  readonly publicUrl: string;
  readonly engine: 'preview';
  readonly previewDurationMs: number;
}

const PREVIEW_MS = 2_000;

/** Runs a worker of this engine until it is told to stop. */
export function runGenerationWorker(service: ServiceName, engine: EngineName): void {
  runWorkerProcess({ service, engine, readSettings, prepare });
}

function readSettings(environment: Environment): GenerationSettings {
  return {
    assetStore: environment.text('ASSET_STORE'),
    publicUrl: environment.url('PUBLIC_URL', ['http:', 'https:'], 'http://127.0.0.1:3000'),
    engine: environment.oneOf('ENGINE', ['preview'] as const, 'preview'),
    previewDurationMs: environment.integer('PREVIEW_DURATION_MS', PREVIEW_MS, { max: 600_000 }),
  };
}

async function prepare(settings: GenerationSettings, around: WorkerSurroundings): Promise<Work> {
  const { workerId, bus, log, stopping, handBack } = around;
  const engine = createPreviewEngine({ durationMs: settings.previewDurationMs });
  await engine.setup(stopping);
  const ports = {
    workerId,
    engine,
    store: new JobStore(bus),
    assets: resolveStore(settings.assetStore),
    log,
    urlOf: (key: string) => `${settings.publicUrl.replace(/\/$/, '')}${assetPath(key)}`,
    sendProgress: (progress: Parameters<typeof publishProgress>[1]) => publishProgress(bus, progress),
    sendPreview: (preview: Parameters<typeof publishLivePreview>[1]) => publishLivePreview(bus, preview),
    onCancel: (jobId: string, listener: () => void) => onCancel(bus, jobId, listener),
  };
  const worker = new JobWorker(ports, { handBack });
  return { handle: (delivery) => worker.handle(delivery), close: () => engine.close() };
}
