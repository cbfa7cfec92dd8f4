/** Folds of one job from the stream, never older than what this process knows of the job. */
import { foldJob, type Job } from '#contracts/domain/job.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import { JOB_STREAM } from '#contracts/streams.js';
import { assetFilter, jobFilter, parseJobSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import { type DirectBatch, type DirectMessage, type DirectQuery, directRead } from './direct-read.js';
import { open } from './envelope.js';
import { EventingUnavailableError } from './errors.js';
import { pause } from './pause.js';

/** A job as one read of the stream tells it. */
export interface JobReading {
  readonly job: Job | undefined;
  /** The last event of each known type, in stream order. */
  readonly events: readonly JobHistoryEvent[];
  /**
   * Of the job's last message, whatever its type: what the next append expects. It counts events that a newer version
   * wrote, and those that are left of a job whose request has expired.
   */
  readonly lastSequence: number;
  /** Of the last message of each subject about the job's assets. */
  readonly assetSequences: ReadonlyMap<string, number>;
}

/** More events than one job can have: seven job events and two for each asset. */
const MOST_EVENTS = 64;
const STALE_PAUSE_MS = 5;
/** A read that stays behind for this long is checked against the leader: the stream may have been made anew. */
const STALE_LIMIT_MS = 1_000;
const READ_LIMIT_MS = 5_000;
const UNAVAILABLE_PAUSE_MS = 50;
/** Jobs whose last sequence is remembered. */
const MOST_REMEMBERED = 10_000;

export class JobReader {
  private readonly remembered = new Map<string, number>();

  constructor(private readonly bus: Bus) {}

  /** From now on reads of the job see at least this sequence. */
  remember(jobId: string, sequence: number): void {
    const known = Math.max(sequence, this.remembered.get(jobId) ?? 0);
    this.remembered.delete(jobId);
    this.remembered.set(jobId, known);
    if (this.remembered.size <= MOST_REMEMBERED) return;
    const [oldest] = this.remembered.keys();
    if (oldest !== undefined) this.remembered.delete(oldest);
  }

  /** Rejects with `EventingUnavailableError` when it takes longer than `limitMs`. */
  async read(jobId: string, minSequence = 0, limitMs = READ_LIMIT_MS): Promise<JobReading> {
    const startedAt = Date.now();
    let reach = Math.max(minSequence, this.remembered.get(jobId) ?? 0);
    for (;;) {
      const batch = await this.tryRead(jobId, startedAt + limitMs);
      if (batch.messages.length > 0 && batch.upToSequence >= reach) return readingOf(batch);
      if (batch.messages.length === 0) {
        const last = await this.lastSequence(jobId);
        if (last === 0) return this.nothing(jobId);
        reach = Math.max(reach, last);
      }
      if (Date.now() - startedAt > limitMs) throw new EventingUnavailableError('reads stay behind the stream');
      if (Date.now() - startedAt > STALE_LIMIT_MS) reach = await this.atMostTheLast(jobId, reach);
      await pause(STALE_PAUSE_MS);
    }
  }

  /**
   * Every event of a job and its assets, in stream order, up to `minSequence` at least. The server looks through what was
   * stored since the job began: under a millisecond for a job of the last minutes, tens of them for an old one.
   */
  async everyEvent(jobId: string, minSequence = 0, limitMs = READ_LIMIT_MS): Promise<readonly JobHistoryEvent[]> {
    const deadline = Date.now() + limitMs;
    const { events } = await this.read(jobId, minSequence, limitMs);
    const [first] = events;
    const last = events.at(-1);
    if (!first || !last) return [];
    for (;;) {
      const filters = [jobFilter(jobId), assetFilter(jobId)];
      const batches = await Promise.all(filters.map((filter) => this.readOn(first.sequence, filter, deadline)));
      const all = known(batches.flat());
      if ((all.at(-1)?.sequence ?? 0) >= last.sequence) return all;
      if (Date.now() > deadline) throw new EventingUnavailableError('reads stay behind the stream');
      await pause(STALE_PAUSE_MS);
    }
  }

  /** All messages under a filter from a sequence on. */
  private async readOn(from: number, filter: string, deadline: number): Promise<DirectMessage[]> {
    const found: DirectMessage[] = [];
    for (let seq = from; ; ) {
      const { messages } = await this.tryQuery({ seq, next_by_subj: filter, batch: MOST_EVENTS }, deadline);
      found.push(...messages);
      const last = messages.at(-1);
      if (!last || messages.length < MOST_EVENTS) return found;
      seq = last.sequence + 1;
    }
  }

  private tryRead(jobId: string, deadline: number): Promise<DirectBatch> {
    return this.tryQuery({ multi_last: [jobFilter(jobId), assetFilter(jobId)], batch: MOST_EVENTS }, deadline);
  }

  /** Reading changes nothing: as long as there is time it is tried again. */
  private async tryQuery(query: DirectQuery, deadline: number): Promise<DirectBatch> {
    for (;;) {
      try {
        return await directRead(this.bus, JOB_STREAM.name, query);
      } catch (error) {
        const passes = error instanceof EventingUnavailableError && !this.bus.nc.isClosed();
        if (!passes || Date.now() >= deadline) throw error;
        this.bus.log.debug({ err: error, query }, 'a read without an answer');
      }
      await pause(UNAVAILABLE_PAUSE_MS);
      await this.bus.whenConnected(Math.max(deadline - Date.now(), 1));
    }
  }

  /** The leader is never stale: a job that it does not have is nowhere. */
  private async lastSequence(jobId: string): Promise<number> {
    const filters = [jobFilter(jobId), assetFilter(jobId)];
    const messages = await Promise.all(
      filters.map((filter) => {
        const found = this.bus.jsm.streams.getMessage(JOB_STREAM.name, { last_by_subj: filter });
        return this.bus.answerTo(found);
      }),
    );
    return Math.max(...messages.map((message) => message?.seq ?? 0));
  }

  /** A stream that ends before what is known of it was made anew. */
  private async atMostTheLast(jobId: string, reach: number): Promise<number> {
    const { state } = await this.bus.answerTo(this.bus.jsm.streams.info(JOB_STREAM.name));
    if (state.last_seq >= reach) return reach;
    this.remembered.delete(jobId);
    return state.last_seq;
  }

  private nothing(jobId: string): JobReading {
    this.remembered.delete(jobId);
    return { job: undefined, events: [], lastSequence: 0, assetSequences: new Map() };
  }
}

function readingOf({ messages }: DirectBatch): JobReading {
  const events = known(messages);
  const ofTheJob = messages.filter(({ subject }) => parseJobSubject(subject)).map(({ sequence }) => sequence);
  const ofAssets = messages.filter(({ subject }) => !parseJobSubject(subject));
  return {
    job: foldJob(events),
    events,
    lastSequence: Math.max(0, ...ofTheJob),
    assetSequences: new Map(ofAssets.map(({ subject, sequence }) => [subject, sequence])),
  };
}

/** The events that this version knows, in stream order. */
function known(messages: readonly DirectMessage[]): JobHistoryEvent[] {
  const opened = messages.map((message) => open(message, message.sequence));
  const events = opened.filter((event): event is JobHistoryEvent => event !== undefined);
  return events.sort((a, b) => a.sequence - b.sequence);
}
