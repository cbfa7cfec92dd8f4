/** The jobs in the stream: read by folding their events, changed by deciding and appending. */

import { evolve, foldJob, type Job } from '#contracts/domain/job.js';
import { type Decision, deleteAsset, type Refusal, requestJob } from '#contracts/domain/job-decisions.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { AssetEventData, JobEventData, JobHistoryEvent, Proposed, Recorded } from '#contracts/events/registry.js';
import { JOB_EVENT_TOKENS } from '#contracts/events/registry.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { JOB_STREAM } from '#contracts/streams.js';
import { assetFilter, assetSubject, jobFilter, jobSubject, type Lane } from '#contracts/subjects.js';
import { append, type Guard, pause } from './append.js';
import type { Bus } from './bus.js';
import { type DirectBatch, directRead } from './direct-read.js';
import { open, recorded, type Sealed, seal } from './envelope.js';
import { EventingUnavailableError } from './errors.js';

export type ExecuteResult =
  | { readonly outcome: 'appended'; readonly event: Recorded; readonly job: Job }
  | { readonly outcome: 'refused'; readonly reason: Refusal; readonly job: Job | undefined };

interface ExecuteOptions {
  /** The job as the caller knows it: saves the first read. A stale one costs a conflict, never a wrong decision. */
  readonly known?: Job;
  readonly traceparent?: string;
}

/** More events than one job can have: seven job events and two for each asset. */
const MOST_EVENTS = 64;
const STALE_PAUSE_MS = 5;
const BUSY_PAUSE_MS = 4;
/** A read that stays behind for this long is checked against the leader: the stream may have been made anew. */
const STALE_LIMIT_MS = 1_000;
const READ_LIMIT_MS = 5_000;

export class JobStore {
  /** The highest sequence that this process knows to be stored: reads must have got that far. */
  private horizon = 0;

  constructor(private readonly bus: Bus) {}

  /** The job, or undefined when the stream holds no request of it. Sees everything up to `minSequence` at least. */
  async load(jobId: string, minSequence = 0): Promise<Job | undefined> {
    return foldJob(await this.history(jobId, minSequence));
  }

  /** The last event of each type, of the job and of its assets, in stream order. */
  async history(jobId: string, minSequence = 0): Promise<JobHistoryEvent[]> {
    const startedAt = Date.now();
    for (let reach = Math.max(minSequence, this.horizon); ; ) {
      const batch = await this.read(jobId);
      if (batch.upToSequence >= reach && batch.messages.length > 0) return historyOf(batch);
      const last = await this.lastSequence(jobId, batch, reach, startedAt);
      if (last === 0) return [];
      if (Date.now() - startedAt > READ_LIMIT_MS) throw new EventingUnavailableError('reads stay behind the stream');
      reach = last;
      await pause(STALE_PAUSE_MS);
    }
  }

  /** Stores a new job. Expects nothing under its id, so a second request with the same id finds the first. */
  request(data: JobRequested, traceparent?: string): Promise<ExecuteResult> {
    return this.run(data.jobId, (job) => requestJob(job, data), undefined, traceparent);
  }

  /** Decides on the job as it is and appends; decides again whenever somebody else was first. */
  async execute(
    jobId: string,
    decide: (job: Job | undefined) => Decision,
    options: ExecuteOptions = {},
  ): Promise<ExecuteResult> {
    const job = options.known ?? (await this.load(jobId));
    return this.run(jobId, decide, job, options.traceparent);
  }

  /** Stores that an asset was deleted, at most once. */
  async deleteAsset(jobId: string, index: number, deletedBy: string): Promise<ExecuteResult> {
    const job = await this.load(jobId);
    const decision = deleteAsset(job, index, deletedBy);
    if (decision.decided === 'refuse' || !job)
      return refused(decision.decided === 'refuse' ? decision.reason : 'unknown_job', job);
    const subject = assetSubject('deleted', jobId, index);
    const sealed = this.seal(decision.event, jobId);
    const outcome = await append(this.bus, subject, sealed, { filter: subject, sequence: 0 });
    if (outcome.kind !== 'appended') return refused('unknown_asset', await this.load(jobId));
    return this.appended(job, sealed, outcome.sequence);
  }

  private async run(
    jobId: string,
    decide: (job: Job | undefined) => Decision,
    known: Job | undefined,
    traceparent?: string,
  ): Promise<ExecuteResult> {
    for (let job = known; ; ) {
      const decision = decide(job);
      if (decision.decided === 'refuse') return refused(decision.reason, job);
      const sealed = this.seal(decision.event, jobId, traceparent);
      const guard: Guard = { filter: jobFilter(jobId), sequence: job?.sequence ?? 0 };
      const outcome = await append(this.bus, subjectOf(job, decision.event), sealed, guard);
      if (outcome.kind === 'appended') return this.appended(job, sealed, outcome.sequence);
      if (outcome.kind === 'busy') await pause(BUSY_PAUSE_MS);
      const history = await this.history(jobId, outcome.kind === 'conflict' ? outcome.atLeast : 0);
      const mine = history.find((event) => event.id === sealed.id);
      job = foldJob(history);
      if (mine && job) return { outcome: 'appended', event: mine, job };
    }
  }

  private appended(job: Job | undefined, sealed: Sealed, sequence: number): ExecuteResult {
    this.horizon = Math.max(this.horizon, sequence);
    const event = recorded(sealed, sequence) as JobHistoryEvent;
    const next = evolve(job, event);
    if (!next) throw new Error(`${event.type} was stored for a job without a request`);
    return { outcome: 'appended', event, job: next };
  }

  private seal(
    event: Proposed<keyof JobEventData | keyof AssetEventData>,
    jobId: string,
    traceparent?: string,
  ): Sealed {
    return seal(event, { source: this.bus.service, subjectId: jobId, traceparent });
  }

  private read(jobId: string): Promise<DirectBatch> {
    const query = { multi_last: [jobFilter(jobId), assetFilter(jobId)], batch: MOST_EVENTS };
    return directRead(this.bus, JOB_STREAM.name, query);
  }

  /** A read found nothing or was behind: what must it reach? 0 when the leader has nothing of the job. */
  private async lastSequence(jobId: string, batch: DirectBatch, reach: number, startedAt: number): Promise<number> {
    const behind = batch.messages.length > 0;
    if (behind && Date.now() - startedAt < STALE_LIMIT_MS) return reach;
    const message = await this.askLeader(jobId);
    if (behind) this.horizon = Math.min(this.horizon, message);
    return message;
  }

  private async askLeader(jobId: string): Promise<number> {
    try {
      const message = await this.bus.jsm.streams.getMessage(JOB_STREAM.name, { last_by_subj: jobFilter(jobId) });
      return message?.seq ?? 0;
    } catch (error) {
      throw new EventingUnavailableError('the stream leader did not answer', { cause: error });
    }
  }
}

function historyOf(batch: DirectBatch): JobHistoryEvent[] {
  const events = batch.messages.map((message) => open(message, message.sequence));
  const known = events.filter((event): event is JobHistoryEvent => event !== undefined);
  return known.sort((a, b) => a.sequence - b.sequence);
}

/** A job's events keep the route and lane of its request. */
function subjectOf(job: Job | undefined, event: Proposed<keyof JobEventData>): string {
  const request = event.type === 'JobRequested' ? event.data : job?.requested;
  if (!request) throw new Error(`${event.type} needs a job that was requested`);
  const lane: Lane = request.lane;
  return jobSubject(JOB_CATALOGUE[request.jobType].route, lane, JOB_EVENT_TOKENS[event.type], request.jobId);
}

function refused(reason: Refusal, job: Job | undefined): ExecuteResult {
  return { outcome: 'refused', reason, job };
}
