/** What happens now, for those who watch: core NATS, not stored. Whoever must not miss anything folds as well. */
import type { Msg } from '@nats-io/transport-node';
import type { JobHistoryEvent, Recorded } from '#contracts/events/registry.js';
import type { LivePreview } from '#contracts/live-preview.js';
import type { ProgressMessage } from '#contracts/progress.js';
import {
  assetFilter,
  cancelSubject,
  jobFilter,
  jobSubject,
  livePreviewSubject,
  liveSubject,
  progressSubject,
  releaseSubject,
} from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import { open } from './envelope.js';

export interface LiveJob {
  /** Resolves when the server knows the subscription: what is stored from then on is seen. Rejects when closed. */
  readonly subscribed: Promise<void>;
  close(): void;
}

/** The stored events of one job and its assets, as they are stored. A lost connection loses some: fold after it. */
export function watchJob(bus: Bus, jobId: string, onEvent: (event: JobHistoryEvent) => void): LiveJob {
  const onMessage = (message: Msg) => {
    const event = open(message, Number(message.headers?.get('Nats-Sequence')));
    if (event) onEvent(event as JobHistoryEvent);
  };
  const stops = [jobFilter(jobId), assetFilter(jobId)].map((filter) => bus.listen(liveSubject(filter), onMessage));
  const subscribed = bus.flushed();
  // Not every watcher waits for it.
  subscribed.catch(() => undefined);
  return { subscribed, close: () => stops.forEach((stop) => void stop()) };
}

/** The stored events of one kind, of all jobs, as they are stored: what is missed is missed. Returns what ends it. */
export function watchAllJobs<T extends keyof typeof JOB_EVENT_OF>(
  bus: Bus,
  token: T,
  onEvent: (event: Recorded<(typeof JOB_EVENT_OF)[T]>) => void,
): () => void {
  return bus.listen(liveSubject(jobSubject('*', '*', token, '*')), (message) => {
    const event = open(message, Number(message.headers?.get('Nats-Sequence')));
    if (event?.type === JOB_EVENT_OF[token]) onEvent(event as Recorded<(typeof JOB_EVENT_OF)[T]>);
  });
}

const JOB_EVENT_OF = { completed: 'JobCompleted', enhanced: 'PromptEnhanced' } as const;

export function publishProgress(bus: Bus, progress: ProgressMessage): void {
  if (bus.isConnected()) bus.nc.publish(progressSubject(progress.jobId), JSON.stringify(progress));
}

/** `*` watches all jobs. Returns what ends it. */
export function watchProgress(bus: Bus, jobId: string, onProgress: (progress: ProgressMessage) => void): () => void {
  return bus.listen(progressSubject(jobId), (message) => onProgress(message.json<ProgressMessage>()));
}

/** Without a connection it is dropped: the next one shows more. */
export function publishLivePreview(bus: Bus, preview: LivePreview): void {
  if (bus.isConnected()) bus.nc.publish(livePreviewSubject(preview.jobId), JSON.stringify(preview));
}

/** Returns what ends it. */
export function watchLivePreviews(bus: Bus, jobId: string, onPreview: (preview: LivePreview) => void): () => void {
  return bus.listen(livePreviewSubject(jobId), (message) => onPreview(message.json<LivePreview>()));
}

/** Tells the worker that has the job to stop. The stored JobCancelled is what counts. */
export function requestCancel(bus: Bus, jobId: string): void {
  if (bus.isConnected()) bus.nc.publish(cancelSubject(jobId));
}

export function onCancel(bus: Bus, jobId: string, listener: () => void): () => void {
  return bus.listen(cancelSubject(jobId), () => listener());
}

/** Tells whoever keeps this attempt for an outside worker that the worker has never heard of it. */
export function requestRelease(bus: Bus, jobId: string, attempt: number): void {
  if (bus.isConnected()) bus.nc.publish(releaseSubject(jobId), JSON.stringify({ attempt }));
}

export function onRelease(bus: Bus, jobId: string, listener: (attempt: number) => void): () => void {
  return bus.listen(releaseSubject(jobId), (message) => listener(message.json<{ attempt: number }>().attempt));
}
