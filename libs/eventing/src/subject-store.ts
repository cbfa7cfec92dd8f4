/** What has one subject of its own, and whose last event tells all of it: an account, a project, a webhook. */
import type { EventType, Proposed, Recorded } from '#contracts/events/registry.js';
import type { StreamSpec } from '#contracts/streams.js';
import { liveSubject } from '#contracts/subjects.js';
import { append } from './append.js';
import type { Bus } from './bus.js';
import { open, recorded, seal } from './envelope.js';
import { EventingUnavailableError } from './errors.js';
import { pause } from './pause.js';

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

/** Where a thing is, and what its events are about. */
export interface SubjectPlace {
  readonly subject: string;
  readonly subjectId: string;
}

interface ExecuteOptions<T extends EventType> {
  /** What the caller knows: saves the first read. A stale one costs a conflict, never a wrong append. */
  readonly known?: SubjectReading<T>;
  readonly traceparent?: string;
}

type Query = { readonly last_by_subj: string } | { readonly seq: number; readonly next_by_subj?: string };

/** An append waits this long for an unknown outcome; the reads around it are as patient. */
const PATIENCE_MS = 15_000;
const UNANSWERED_PAUSE_MS = 50;
/** Most of the random pause before the second conflict in a row is tried again; it doubles up to the limit. */
const JITTER_MS = { first: 2, most: 64 };

export class SubjectStore<T extends EventType> {
  constructor(
    private readonly bus: Bus,
    private readonly stream: StreamSpec,
  ) {}

  /** From the leader, so never stale. Rejects with `EventingUnavailableError` when nobody answers. */
  async read(subject: string): Promise<SubjectReading<T>> {
    const { event, sequence } = await this.messageBy({ last_by_subj: subject });
    if (sequence === 0 || event) return { event, sequence };
    // To take it for nothing would forget all that the thing is.
    throw new EventingUnavailableError(`the last event of ${subject} is of a newer version of this program`);
  }

  /** The event at a sequence of the stream, or undefined when there is none that this version knows. */
  async at(sequence: number): Promise<Recorded<T> | undefined> {
    // The server takes 0 for a malformed question.
    return sequence < 1 ? undefined : (await this.messageBy({ seq: sequence })).event;
  }

  /**
   * Decides on what the last event tells and appends; decides again whenever somebody else was first. A refusal is always
   * one of what the stream holds, never of what the caller took it for. Rejects as `append` does.
   */
  async execute<R>(
    place: SubjectPlace,
    decide: (last: Recorded<T> | undefined) => SubjectDecision<T, R> | Promise<SubjectDecision<T, R>>,
    { known, traceparent }: ExecuteOptions<T> = {},
  ): Promise<SubjectResult<T, R>> {
    let reading = known ?? (await this.read(place.subject));
    let isFresh = known === undefined;
    for (let conflicts = 0; ; ) {
      const decision = await decide(reading.event);
      if (decision.decided === 'append') {
        const event = await this.tryAppend(place, decision.event, reading.sequence, traceparent);
        if (event) return { outcome: 'appended', event };
        await jitter(conflicts++);
      } else if (isFresh) return { outcome: 'refused', reason: decision.reason, reading };
      reading = await this.read(place.subject);
      isFresh = true;
    }
  }

  /**
   * Tells of events under a filter as they are stored, by whomever, where `isWanted` says so of the subject. A lost
   * connection loses some: good for knowledge that saves a conflict. Returns what ends it.
   */
  watch(
    filter: string,
    isWanted: (subject: string) => boolean,
    onStored: (subject: string, reading: SubjectReading<T>) => void,
  ): () => void {
    return this.bus.listen(liveSubject(filter), (message) => {
      const subject = message.headers?.get('Nats-Subject') ?? '';
      if (!isWanted(subject)) return;
      const sequence = Number(message.headers?.get('Nats-Sequence'));
      const event = open(message, sequence) as Recorded<T> | undefined;
      if (event) onStored(subject, { event, sequence });
    });
  }

  /** The event as stored, or undefined when somebody else was first. */
  private async tryAppend(
    { subject, subjectId }: SubjectPlace,
    event: Proposed<T>,
    after: number,
    traceparent: string | undefined,
  ): Promise<Recorded<T> | undefined> {
    const sealed = seal<T>(event, { source: this.bus.service, subjectId, traceparent });
    const outcome = await append(this.bus, subject, sealed, { filter: subject, sequence: after });
    if (outcome.kind === 'appended') return recorded(sealed, outcome.sequence);
    // An earlier try whose answer was lost can only lie directly behind what was expected, whatever came after it.
    const next = await this.messageBy({ seq: after + 1, next_by_subj: subject });
    return next.event?.id === sealed.id ? next.event : undefined;
  }

  /** Reading changes nothing: as long as there is time it is tried again. */
  private async messageBy(query: Query): Promise<SubjectReading<T>> {
    for (const deadline = Date.now() + PATIENCE_MS; ; ) {
      try {
        const message = await this.bus.answerTo(this.bus.jsm.streams.getMessage(this.stream.name, query));
        if (!message) return { event: undefined, sequence: 0 };
        const { header: headers, data, seq } = message;
        return { event: open({ headers, data }, seq) as Recorded<T> | undefined, sequence: seq };
      } catch (error) {
        const passes = error instanceof EventingUnavailableError && !this.bus.nc.isClosed();
        if (!passes || Date.now() >= deadline) throw error;
        this.bus.log.debug({ err: error, query }, 'a read without an answer');
      }
      await pause(UNANSWERED_PAUSE_MS);
      await this.bus.whenConnected(Math.max(deadline - Date.now(), 1));
    }
  }
}

/** One conflict is most often one's own old knowledge and waits for nothing; several are others at the same thing. */
async function jitter(earlierConflicts: number): Promise<void> {
  if (earlierConflicts === 0) return;
  await pause(Math.random() * Math.min(JITTER_MS.first * 2 ** (earlierConflicts - 1), JITTER_MS.most));
}
