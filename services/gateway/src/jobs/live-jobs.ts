/** Server-sent events of jobs: who watches what, and how they stay gap-free. */
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { isEnded, isFavorite, type Job } from '#contracts/domain/job.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { JobProgressView, LivePreviewView } from '#contracts/http/live-events.js';
import { isUuid } from '#contracts/ids.js';
import { EVENT_STREAMS_MAX } from '#contracts/limits.js';
import type { LivePreview } from '#contracts/live-preview.js';
import type { ProgressMessage } from '#contracts/progress.js';
import { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { watchJob } from '#eventing/live.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { unlessAway } from '../unless-away.js';
import { EventStream } from './event-stream.js';
import { JobNarrator, type Message } from './job-narrator.js';
import { progressOf } from './job-progress.js';
import { JobViews } from './job-views.js';
import { LatestPreviews } from './latest-previews.js';
import { LatestProgress } from './latest-progress.js';
import { OwnJobs } from './own-jobs.js';

const HEARTBEAT_MS = 15_000;
/** A waiting job's place is told again so often at most, and only when it is another one. */
const PLACES_MS = 2_000;

@Injectable()
export class LiveJobs implements OnApplicationShutdown {
  private readonly clients = new Set<EventStream>();
  /** Those whose job waits, and the place that they were told last. */
  private readonly waiting = new Map<EventStream, { readonly watcher: Watcher; told: number | null }>();
  /** Open streams of each account, those that are being opened included. */
  private readonly watching = new Map<string, number>();
  private readonly heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS).unref();
  private readonly places = setInterval(() => this.tellPlaces(), PLACES_MS).unref();

  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
    private readonly ownJobs: OwnJobs,
    private readonly views: JobViews,
    private readonly progress: LatestProgress,
    private readonly previews: LatestPreviews,
  ) {}

  get clientCount(): number {
    return this.clients.size;
  }

  /**
   * Opens a stream of the job's events behind `after`, or from a snapshot on. First the subscription, then the fold: what
   * happens in between is in both, and told once.
   * @throws ApiError when the job is not the caller's, or the caller watches too many.
   */
  async watch(jobId: string, caller: Caller, after: number | undefined): Promise<EventStream> {
    if (!isUuid(jobId)) throw new ApiError('unknown_job');
    const stream = new EventStream();
    this.enter(caller, stream);
    const watcher = new Watcher(this.bus, jobId, (message) => this.send(stream, message), {
      snapshot: () => this.store.history(jobId),
      readAll: (minSequence) => this.store.everyEvent(jobId, minSequence),
      progressed: (latest, job) => stream.sendUnlessCongested('progress', progressData(latest, job)),
      previewed: (preview) => stream.sendUnlessCongested('preview', previewData(preview)),
      followProgress: (listener) => this.progress.follow(jobId, listener),
      followPreviews: (listener) => this.previews.follow(jobId, listener),
    });
    stream.onClose(() => watcher.close());
    try {
      await unlessAway(this.bus, () => watcher.open(after));
      await this.admit(watcher.job, jobId, caller, stream);
    } catch (error) {
      stream.body.destroy();
      throw error;
    }
    this.add(stream, watcher);
    return stream;
  }

  /** Clients come back by themselves, to another gateway or this one started anew. */
  onApplicationShutdown(): void {
    clearInterval(this.heartbeat);
    clearInterval(this.places);
    for (const client of this.clients) client.end();
  }

  private enter({ accountKey }: Caller, stream: EventStream): void {
    const open = this.watching.get(accountKey) ?? 0;
    if (open >= EVENT_STREAMS_MAX) {
      throw new ApiError('rate_limited', { details: `${EVENT_STREAMS_MAX} event streams are open here` });
    }
    this.watching.set(accountKey, open + 1);
    stream.onClose(() => {
      const left = (this.watching.get(accountKey) ?? 1) - 1;
      if (left > 0) this.watching.set(accountKey, left);
      else this.watching.delete(accountKey);
    });
  }

  private add(stream: EventStream, watcher: Watcher): void {
    const { job } = watcher;
    this.clients.add(stream);
    if (job?.status === 'queued') this.waiting.set(stream, { watcher, told: this.views.positionOf(job) });
    stream.onClose(() => {
      this.clients.delete(stream);
      this.waiting.delete(stream);
    });
  }

  /** No event of the job says that others before it are done. */
  private tellPlaces(): void {
    for (const [stream, line] of this.waiting) {
      const { job } = line.watcher;
      if (job?.status !== 'queued') {
        this.waiting.delete(stream);
        continue;
      }
      const place = this.views.positionOf(job);
      if (place !== line.told) stream.sendUnlessCongested('status', this.views.of(job));
      line.told = place;
    }
  }

  private async admit(job: Job | undefined, jobId: string, caller: Caller, stream: EventStream): Promise<void> {
    if (job) {
      if (job.requested.accountKey !== caller.accountKey) throw new ApiError('unknown_job');
      return;
    }
    // Older than the stream: it has ended long ago.
    const older = await this.ownJobs.find(jobId, caller);
    this.send(stream, { event: 'status', job: older, id: older.sequence });
    this.send(stream, { event: 'done', job: older, id: older.sequence });
  }

  private send(stream: EventStream, { event, job, asset, id }: Message): void {
    const { jobId, jobType } = job.requested;
    const view = asset && this.views.asset(jobId, jobType, asset, isFavorite(job, asset.index));
    stream.send(event, view ?? this.views.of(job), id);
    if (event === 'done') stream.end();
  }

  private beat(): void {
    for (const client of this.clients) client.heartbeat();
  }
}

interface WatcherPorts {
  /** The last event of each type. */
  readonly snapshot: () => Promise<JobHistoryEvent[]>;
  /** Every event of the job, up to the given sequence at least. */
  readonly readAll: (minSequence: number) => Promise<JobHistoryEvent[]>;
  readonly progressed: (latest: ProgressMessage | undefined, job: Job) => void;
  readonly previewed: (preview: LivePreview) => void;
  readonly followProgress: (listener: (progress: ProgressMessage) => void) => () => void;
  readonly followPreviews: (listener: (preview: LivePreview) => void) => () => void;
}

/** Feeds a narrator from the live subscription, and from the stream wherever that may have missed something. */
class Watcher {
  private readonly narrator: JobNarrator;
  /** Live events that came while the stream was read. */
  private held: JobHistoryEvent[] | undefined = [];
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly bus: Bus,
    private readonly jobId: string,
    tell: (message: Message) => void,
    private readonly ports: WatcherPorts,
  ) {
    this.narrator = new JobNarrator(tell);
  }

  get job(): Job | undefined {
    return this.narrator.current;
  }

  async open(after: number | undefined): Promise<void> {
    const live = watchJob(this.bus, this.jobId, (event) => this.onLive(event));
    this.stops.push(() => live.close());
    await live.subscribed;
    if (after === undefined) this.narrator.begin(await this.ports.snapshot());
    else this.narrator.resume(await this.ports.readAll(0), after);
    this.releaseHeld();
    this.stops.push(this.bus.onReconnect(() => void this.catchUp()));
    this.stops.push(this.ports.followProgress((progress) => this.onProgress(progress)));
    this.stops.push(this.ports.followPreviews((preview) => this.onPreview(preview)));
  }

  close(): void {
    for (const stop of this.stops.splice(0)) stop();
  }

  private onLive(event: JobHistoryEvent): void {
    if (this.held) this.held.push(event);
    else this.narrator.take(event);
  }

  private onProgress(latest: ProgressMessage): void {
    const { job } = this;
    if (job && isOfRunning(job, latest)) this.ports.progressed(latest, job);
  }

  /** A picture of what is there already shows less than the asset that was told. */
  private onPreview(preview: LivePreview): void {
    const { job } = this;
    if (!job || !isOfRunning(job, preview) || job.assets.some(({ index }) => index === preview.index)) return;
    this.ports.previewed(preview);
  }

  /** The subscription was deaf while the connection was lost. */
  private async catchUp(): Promise<void> {
    this.held ??= [];
    try {
      for (const event of await this.ports.readAll(this.narrator.lastSequence)) this.narrator.take(event);
    } catch (error) {
      // The next reconnect catches up again; until then the live events go on.
      this.bus.log.warn({ err: error, jobId: this.jobId }, 'a watched job could not be read again');
    }
    this.releaseHeld();
  }

  private releaseHeld(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const event of held.sort((a, b) => a.sequence - b.sequence)) this.narrator.take(event);
  }
}

/** Whether it comes from the attempt that runs, as far as is known here, and not from one before it. */
function isOfRunning(job: Job, { attempt }: { readonly attempt: number }): boolean {
  return !isEnded(job) && attempt >= (job.started?.attempt ?? 0);
}

function previewData({ jobId, attempt, index, mediaType, width, height, data }: LivePreview): LivePreviewView {
  const data_url = `data:${mediaType};base64,${data}`;
  return { job_id: jobId, attempt, index, media_type: mediaType, width, height, data_url };
}

function progressData(latest: ProgressMessage | undefined, job: Job): JobProgressView {
  const { jobId: job_id } = job.requested;
  return { job_id, attempt: latest?.attempt ?? job.started?.attempt ?? 0, ...progressOf(job, latest) };
}
