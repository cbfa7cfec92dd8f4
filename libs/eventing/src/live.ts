/** What happens now, for those who watch: core NATS, not stored. Whoever must not miss anything folds as well. */
import type { Msg, Subscription } from '@nats-io/transport-node';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { ProgressMessage } from '#contracts/progress.js';
import { assetFilter, cancelSubject, jobFilter, liveSubject, progressSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import { open } from './envelope.js';

export interface LiveJob {
  /** Resolves when the server knows the subscription: what is stored from then on is seen. */
  readonly subscribed: Promise<void>;
  close(): void;
}

/** The stored events of one job and its assets, as they are stored. A lost connection loses some: fold after it. */
export function watchJob(bus: Bus, jobId: string, onEvent: (event: JobHistoryEvent) => void): LiveJob {
  const subjects = [jobFilter(jobId), assetFilter(jobId)].map(liveSubject);
  const callback = (error: Error | null, message: Msg) => {
    if (error) return bus.log.error({ err: error, jobId }, 'watching a job failed');
    const event = open(message, Number(message.headers?.get('Nats-Sequence')));
    if (event) onEvent(event as JobHistoryEvent);
  };
  const subscriptions = subjects.map((subject) => bus.nc.subscribe(subject, { callback }));
  return { subscribed: bus.nc.flush(), close: () => unsubscribe(subscriptions) };
}

export function publishProgress(bus: Bus, progress: ProgressMessage): void {
  if (bus.isConnected()) bus.nc.publish(progressSubject(progress.jobId), JSON.stringify(progress));
}

/** `*` watches all jobs. Returns what ends it. */
export function watchProgress(bus: Bus, jobId: string, onProgress: (progress: ProgressMessage) => void): () => void {
  return listen(bus, progressSubject(jobId), (message) => onProgress(message.json<ProgressMessage>()));
}

/** Tells the worker that has the job to stop. The stored JobCancelled is what counts. */
export function requestCancel(bus: Bus, jobId: string): void {
  bus.nc.publish(cancelSubject(jobId));
}

export function onCancel(bus: Bus, jobId: string, listener: () => void): () => void {
  return listen(bus, cancelSubject(jobId), listener);
}

function listen(bus: Bus, subject: string, onMessage: (message: Msg) => void): () => void {
  const callback = (error: Error | null, message: Msg) => {
    if (error) bus.log.error({ err: error, subject }, 'subscription failed');
    else onMessage(message);
  };
  const subscription = bus.nc.subscribe(subject, { callback });
  return () => unsubscribe([subscription]);
}

function unsubscribe(subscriptions: readonly Subscription[]): void {
  for (const subscription of subscriptions) if (!subscription.isClosed()) subscription.unsubscribe();
}
