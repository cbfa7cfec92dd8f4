/** A stream, read from outside and folded afresh. */
import { foldJob, isEnded, type Job } from '#contracts/domain/job.js';
import { eventTypeOf, type JobHistoryEvent } from '#contracts/events/registry.js';
import { JOB_STREAM } from '#contracts/streams.js';
import type { Bus } from '#eventing/bus.js';
import { LogReader, type RawEvent } from '#eventing/log-reader.js';

const BATCH = 1_000;

export class StreamCopy {
  readonly events: RawEvent[] = [];
  /** By what they are about, in the order of the stream. */
  readonly histories = new Map<string, RawEvent[]>();
  private readonly reader: LogReader;

  constructor(
    bus: Bus,
    readonly stream = JOB_STREAM.name,
  ) {
    this.reader = new LogReader(bus, stream);
  }

  /** Reads what has been stored since the last time. */
  async catchUp(): Promise<void> {
    for (;;) {
      const batch = await this.reader.read((this.events.at(-1)?.sequence ?? 0) + 1, BATCH);
      if (batch.length === 0) return;
      for (const event of batch) this.add(event);
    }
  }

  /** Every job of the job stream, folded. */
  jobs(): Map<string, Job> {
    const folded = [...this.histories].map(([id, events]) => [id, foldJob(events.map(historyEvent))] as const);
    return new Map(folded.filter((entry): entry is readonly [string, Job] => entry[1] !== undefined));
  }

  /** Jobs that have no end. */
  open(): string[] {
    return [...this.jobs()].filter(([, job]) => !isEnded(job)).map(([id]) => id);
  }

  private add(event: RawEvent): void {
    this.events.push(event);
    const history = this.histories.get(event.subjectId);
    if (history) history.push(event);
    else this.histories.set(event.subjectId, [event]);
  }
}

/** @throws for an event that this version does not know. */
export function historyEvent({ cloudEventType, id, time, sequence, data }: RawEvent): JobHistoryEvent {
  const type = eventTypeOf(cloudEventType);
  if (!type) throw new Error(`unknown event ${cloudEventType}`);
  return { type, id, time, sequence, data } as JobHistoryEvent;
}

const ENDS = new Set(['JobCompleted', 'JobFailed', 'JobCancelled']);

/** Whether the event ends its job. */
export function isEnd({ cloudEventType }: Pick<RawEvent, 'cloudEventType'>): boolean {
  return ENDS.has(eventTypeOf(cloudEventType) ?? '');
}
