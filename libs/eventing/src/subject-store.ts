/** What has one subject of its own, and whose last event tells all of it: an account, a project, a webhook. */
import { JetStreamApiError } from '@nats-io/jetstream';
import type { EventType, Proposed, Recorded } from '#contracts/events/registry.js';
import type { StreamSpec } from '#contracts/streams.js';
import { append } from './append.js';
import type { Bus } from './bus.js';
import { open, recorded, seal } from './envelope.js';

/** The last event of a subject; `sequence` is what the next append expects, 0 for nothing. */
export interface SubjectReading<T extends EventType> {
  readonly event: Recorded<T> | undefined;
  readonly sequence: number;
}

export type SubjectDecision<T extends EventType, R> =
  | { readonly decided: 'append'; readonly event: Proposed<T> }
  | { readonly decided: 'refuse'; readonly reason: R };

export type SubjectResult<T extends EventType, R> =
  | { readonly outcome: 'appended'; readonly event: Recorded<T> }
  | { readonly outcome: 'refused'; readonly reason: R; readonly reading: SubjectReading<T> };

interface ExecuteOptions<T extends EventType> {
  /** What the caller knows: saves the first read. A stale one costs a conflict, never a wrong append. */
  readonly known?: SubjectReading<T>;
  readonly traceparent?: string;
  /** Waits before another look after a conflict, given how many there were. */
  readonly beforeRetry?: (conflicts: number) => Promise<void>;
}

const NOT_FOUND = 404;

export class SubjectStore<T extends EventType> {
  constructor(
    private readonly bus: Bus,
    private readonly stream: StreamSpec,
  ) {}

  /** From the leader, so never stale. Rejects with `EventingUnavailableError` when nobody answers. */
  read(subject: string): Promise<SubjectReading<T>> {
    return this.messageBy({ last_by_subj: subject });
  }

  /**
   * Decides on what the last event tells and appends; decides again whenever somebody else was first. `subjectId` is
   * what the event is about. Rejects as `append` does.
   */
  async execute<R>(
    at: { subject: string; subjectId: string },
    decide: (last: Recorded<T> | undefined) => SubjectDecision<T, R>,
    options: ExecuteOptions<T> = {},
  ): Promise<SubjectResult<T, R>> {
    const { traceparent } = options;
    let reading = options.known ?? (await this.read(at.subject));
    let fresh = options.known === undefined;
    for (let conflicts = 0; ; ) {
      const decision = decide(reading.event);
      if (decision.decided === 'refuse') {
        if (fresh) return { outcome: 'refused', reason: decision.reason, reading };
        // A refusal is only as good as what it looked at.
        reading = await this.read(at.subject);
        fresh = true;
        continue;
      }
      const about = { source: this.bus.service, subjectId: at.subjectId, traceparent };
      const sealed = seal<T>(decision.event, about);
      const guard = { filter: at.subject, sequence: reading.sequence };
      const outcome = await append(this.bus, at.subject, sealed, guard);
      if (outcome.kind === 'appended') return { outcome: 'appended', event: recorded(sealed, outcome.sequence) };
      const mine = await this.messageBy({ seq: reading.sequence + 1, next_by_subj: at.subject });
      if (mine.event?.id === sealed.id) return { outcome: 'appended', event: mine.event };
      await options.beforeRetry?.(++conflicts);
      reading = await this.read(at.subject);
      fresh = true;
    }
  }

  private async messageBy(
    query: { last_by_subj: string } | { seq: number; next_by_subj: string },
  ): Promise<SubjectReading<T>> {
    try {
      const message = await this.bus.answerTo(this.bus.jsm.streams.getMessage(this.stream.name, query));
      if (!message) return { event: undefined, sequence: 0 };
      const { header: headers, data, seq } = message;
      return { event: open({ headers, data }, seq) as Recorded<T> | undefined, sequence: seq };
    } catch (error) {
      if (error instanceof JetStreamApiError && error.status === NOT_FOUND) return { event: undefined, sequence: 0 };
      throw error;
    }
  }
}
