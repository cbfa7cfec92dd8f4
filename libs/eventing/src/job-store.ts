/** The jobs in the stream: read by folding their events, changed by deciding and appending. */

import { evolve, type Job } from '#contracts/domain/job.js';
import {
  type Decision,
  deleteAsset,
  favoriteAsset,
  type Refusal,
  requestJob,
} from '#contracts/domain/job-decisions.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { AssetEventData, JobEventData, JobHistoryEvent, Proposed, Recorded } from '#contracts/events/registry.js';
import { JOB_EVENT_TOKENS } from '#contracts/events/registry.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { assetSubject, jobFilter, jobSubject } from '#contracts/subjects.js';
import { append, type Guard } from './append.js';
import type { Bus } from './bus.js';
import { recorded, type Sealed, seal } from './envelope.js';
import { JobReader, type JobReading } from './job-reader.js';

export type ExecuteResult =
  | { readonly outcome: 'appended'; readonly event: Recorded; readonly job: Job }
  | { readonly outcome: 'refused'; readonly reason: Refusal; readonly job: Job | undefined };

interface ExecuteOptions {
  /** The job as the caller knows it: saves the first read. A stale one costs a conflict, never a wrong decision. */
  readonly known?: Job;
  readonly traceparent?: string;
}

interface AssetOptions {
  /** The job as the log tells it, for one whose request the stream has let go. */
  readonly older?: Job;
  readonly traceparent?: string;
}

/** Whose favourite an asset becomes, or is no more. */
export interface Favorite {
  readonly index: number;
  readonly favorite: boolean;
  readonly favoritedBy: string;
}

type HistoryData = JobEventData & AssetEventData;
type Decide<T extends keyof HistoryData> = (job: Job | undefined) => Decision<T>;

/** Where an event goes and what its append expects. */
interface Place<T extends keyof HistoryData> {
  subject(job: Job | undefined, event: Proposed<T>): string;
  guard(reading: JobReading): Guard;
}

/** An append waits this long for an unknown outcome; the read after it is as patient. */
const DECIDING_LIMIT_MS = 15_000;

export class JobStore {
  private readonly reader: JobReader;

  constructor(private readonly bus: Bus) {
    this.reader = new JobReader(bus);
  }

  /** The job, or undefined when the stream holds no request of it. Sees everything up to `minSequence` at least. */
  async load(jobId: string, minSequence = 0): Promise<Job | undefined> {
    return (await this.reader.read(jobId, minSequence)).job;
  }

  /** The last event of each type, of the job and of its assets, in stream order. */
  async history(jobId: string, minSequence = 0): Promise<JobHistoryEvent[]> {
    return [...(await this.reader.read(jobId, minSequence)).events];
  }

  /** Every event of the job and of its assets, in stream order. Costs more than `history`, the more the older it is. */
  async everyEvent(jobId: string, minSequence = 0): Promise<JobHistoryEvent[]> {
    return [...(await this.reader.everyEvent(jobId, minSequence))];
  }

  /** Stores a new job. Expects nothing under its id, so a second request with the same id finds the first. */
  request(data: JobRequested, traceparent?: string): Promise<ExecuteResult> {
    const decide = (job: Job | undefined) => requestJob(job, data);
    return this.decide(data.jobId, jobPlace(data.jobId), decide, unread(undefined, 0), { traceparent });
  }

  /** Decides on the job as it is and appends; decides again whenever somebody else was first. */
  async execute(
    jobId: string,
    decide: (job: Job | undefined) => Decision,
    options: ExecuteOptions = {},
  ): Promise<ExecuteResult> {
    const { known, traceparent } = options;
    const place = jobPlace(jobId);
    if (known) {
      const result = await this.decide(jobId, place, decide, unread(known, known.sequence), { traceparent });
      // A refusal is only as good as what it looked at.
      if (result.outcome === 'appended' || result.job !== known) return result;
    }
    return this.decide(jobId, place, decide, await this.read(jobId), { traceparent });
  }

  /** Stores that an asset was deleted, at most once. */
  async deleteAsset(
    jobId: string,
    index: number,
    deletedBy: string,
    options: AssetOptions = {},
  ): Promise<ExecuteResult> {
    const subject = assetSubject('deleted', jobId, index);
    const place = { subject: () => subject, guard: () => ({ filter: subject, sequence: 0 }) };
    const decide = (job: Job | undefined) => deleteAsset(job, index, deletedBy);
    return this.decide(jobId, place, decide, await this.read(jobId), options);
  }

  /** Stores whether an asset is a favourite; refused as `unchanged` when that is known already. */
  async favoriteAsset(
    jobId: string,
    { index, favorite, favoritedBy }: Favorite,
    options: AssetOptions = {},
  ): Promise<ExecuteResult> {
    const subject = assetSubject('favorited', jobId, index);
    const guard = ({ assetSequences }: JobReading) => ({ filter: subject, sequence: assetSequences.get(subject) ?? 0 });
    const decide = (job: Job | undefined) => favoriteAsset(job, index, favorite, favoritedBy);
    return this.decide(jobId, { subject: () => subject, guard }, decide, await this.read(jobId), options);
  }

  private async decide<T extends keyof HistoryData>(
    jobId: string,
    place: Place<T>,
    decide: Decide<T>,
    first: JobReading,
    { traceparent, older }: AssetOptions,
  ): Promise<ExecuteResult> {
    const tried = new Set<string>();
    for (let reading = first; ; ) {
      const job = reading.job ?? onTopOf(older, reading.events);
      const decision = decide(job);
      if (decision.decided === 'refuse') return { outcome: 'refused', reason: decision.reason, job };
      const sealed = seal(decision.event, { source: this.bus.service, subjectId: jobId, traceparent });
      tried.add(sealed.id);
      const outcome = await append(this.bus, place.subject(job, decision.event), sealed, place.guard(reading));
      if (outcome.kind === 'appended') return this.appended(jobId, job, sealed, outcome.sequence);
      reading = await this.read(jobId, outcome.atLeast);
      const mine = reading.events.find((event) => tried.has(event.id));
      const now = reading.job ?? onTopOf(older, reading.events);
      if (mine && now) return { outcome: 'appended', event: mine, job: now };
    }
  }

  private appended(jobId: string, job: Job | undefined, sealed: Sealed, sequence: number): ExecuteResult {
    this.reader.remember(jobId, sequence);
    const event = recorded(sealed, sequence) as JobHistoryEvent;
    const next = evolve(job, event);
    if (!next) throw new Error(`${event.type} was stored for a job without a request`);
    return { outcome: 'appended', event, job: next };
  }

  private read(jobId: string, minSequence = 0): Promise<JobReading> {
    return this.reader.read(jobId, minSequence, DECIDING_LIMIT_MS);
  }
}

/** What a caller knows, in place of a read. */
function unread(job: Job | undefined, lastSequence: number): JobReading {
  return { job, events: [], lastSequence, assetSequences: new Map() };
}

/** Of an older job the stream may still hold what happened to its assets since. */
export function onTopOf(older: Job | undefined, events: readonly JobHistoryEvent[]): Job | undefined {
  return events.reduce(evolve, older);
}

function jobPlace(jobId: string): Place<keyof JobEventData> {
  return {
    subject: subjectOf,
    guard: ({ lastSequence }) => ({ filter: jobFilter(jobId), sequence: lastSequence }),
  };
}

/** A job's events keep the route and lane of its request. */
function subjectOf(job: Job | undefined, event: Proposed<keyof JobEventData>): string {
  const request = event.type === 'JobRequested' ? event.data : job?.requested;
  if (!request) throw new Error(`${event.type} needs a job that was requested`);
  const { route } = JOB_CATALOGUE[request.jobType];
  return jobSubject(route, request.lane, JOB_EVENT_TOKENS[event.type], request.jobId);
}
