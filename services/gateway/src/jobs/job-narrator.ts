/**
 * Tells one client the events of one job, each durable one once and in order. Pure but for the view it is given: events
 * come in from whoever reads them, messages go out to a function.
 */
import { evolve, foldJob, isEnded, type Job } from '#contracts/domain/job.js';
import type { JobHistoryEvent, Recorded } from '#contracts/events/registry.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';

export interface Message {
  readonly event: 'status' | 'asset' | 'done';
  readonly job: Job;
  /** With `asset`. */
  readonly asset?: StoredAsset;
  /** Stream sequence up to which everything is told with this message; absent while its event goes on. */
  readonly id?: number;
}

export class JobNarrator {
  private job: Job | undefined;
  private toldUpTo = 0;
  private readonly toldAssets = new Set<string>();
  private ended = false;

  constructor(private readonly tell: (message: Message) => void) {}

  /** Whether `done` was told: nothing more comes. */
  get isDone(): boolean {
    return this.ended;
  }

  get lastSequence(): number {
    return this.toldUpTo;
  }

  get current(): Job | undefined {
    return this.job;
  }

  /** The job as it is, for a client that knows nothing: its status, then its assets. */
  begin(history: readonly JobHistoryEvent[]): void {
    this.job = foldJob(history);
    const last = history.at(-1)?.sequence ?? 0;
    if (!this.job) return;
    const stored = history.findLast((event): event is Recorded<'AssetStored'> => event.type === 'AssetStored');
    // A client that leaves before it has the assets resumes in front of them.
    const before = history.findLast((event) => event.sequence < (stored?.sequence ?? Number.MAX_SAFE_INTEGER));
    this.tellJob('status', stored ? before?.sequence : last);
    if (stored) this.tellAssets(stored);
    this.toldUpTo = last;
    if (isEnded(this.job)) this.finish(last);
    else if (stored && stored.sequence < last) this.tellJob('status', last);
  }

  /**
   * Goes on behind the sequence that a client has, given every event of the job. A client that has everything of a
   * finished job hears `done` again.
   */
  resume(history: readonly JobHistoryEvent[], after: number): void {
    const heard = history.filter((event) => event.sequence <= after);
    this.job = foldJob(heard);
    for (const event of heard) if (event.type === 'AssetStored') this.noteAssets(event);
    // A sequence beyond the job's own last one tells nothing about what is still to come.
    this.toldUpTo = Math.min(after, history.at(-1)?.sequence ?? 0);
    for (const event of history) this.take(event);
    if (!this.ended && this.job && isEnded(this.job)) this.finish(this.toldUpTo);
  }

  /** The next event. One that was told already, or comes after the end, is dropped. */
  take(event: JobHistoryEvent): void {
    if (event.sequence <= this.toldUpTo || this.ended) return;
    this.job = evolve(this.job, event);
    this.toldUpTo = event.sequence;
    if (!this.job) return;
    if (event.type === 'AssetStored') this.tellAssets(event);
    else this.tellJob('status', event.sequence);
    if (isEnded(this.job)) this.finish(event.sequence);
  }

  private noteAssets({ data }: Recorded<'AssetStored'>): void {
    for (const asset of data.assets) this.toldAssets.add(nameOf(asset));
  }

  private finish(sequence: number): void {
    this.ended = true;
    this.tellJob('done', sequence);
  }

  private tellJob(event: 'status' | 'done', id: number | undefined): void {
    if (this.job) this.tell({ event, job: this.job, id });
  }

  /** An event carries all assets so far: only the new ones are told, and the last of them completes the event. */
  private tellAssets({ data, sequence }: Recorded<'AssetStored'>): void {
    const { job } = this;
    if (!job) return;
    const fresh = data.assets.filter(
      (asset) => !this.toldAssets.has(nameOf(asset)) && !job.deletedIndexes.includes(asset.index),
    );
    if (fresh.length === 0) this.tellJob('status', sequence);
    for (const [at, asset] of fresh.entries()) {
      this.toldAssets.add(nameOf(asset));
      this.tell({ event: 'asset', job, asset, id: at === fresh.length - 1 ? sequence : undefined });
    }
  }
}

/** A later attempt may store another picture in the same place: that is news. */
function nameOf({ index, sha256 }: StoredAsset): string {
  return `${index} ${sha256}`;
}
