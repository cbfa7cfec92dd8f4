/** Where made-up events are written down: ids, times and sequences follow from a seed, as everything else about them. */
import { CLOUD_EVENT_TYPES, type EventType, type Proposed, type Recorded } from '#contracts/events/registry.js';
import type { RawEvent } from '#eventing/log-reader.js';
import type { SeededRandom } from '#worker/preview/seeded-random.js';

/** A message as one of the streams holds it. */
export interface StreamedEvent {
  readonly stream: string;
  readonly raw: RawEvent;
}

/** Where an event goes, and who sends it. */
export interface Address {
  readonly stream: string;
  readonly subject: string;
  readonly subjectId: string;
  /** Name of the service. */
  readonly source: string;
}

const BEGIN = Date.UTC(2026, 0, 1);
/** A million events take some seven weeks: they lie in two months. */
const LONGEST_PAUSE_MS = 8_000;

export class SeededJournal {
  private now = BEGIN;
  private readonly sequences = new Map<string, number>();
  private written: StreamedEvent[] = [];

  constructor(private readonly random: SeededRandom) {}

  /** ISO 8601. */
  get time(): string {
    return new Date(this.now).toISOString();
  }

  /** A UUIDv7 of the journal's time; a job's ends with 0. */
  uuid(last = this.hex(1)): string {
    const time = this.now.toString(16).padStart(12, '0');
    const variant = '89ab'.charAt(this.random.integer(0, 3));
    return `${time.slice(0, 8)}-${time.slice(8)}-7${this.hex(3)}-${variant}${this.hex(3)}-${this.hex(8)}${this.hex(3)}${last}`;
  }

  hex(digits: number): string {
    return this.random
      .integer(0, 16 ** digits - 1)
      .toString(16)
      .padStart(digits, '0');
  }

  append<T extends EventType>({ stream, subject, subjectId, source }: Address, { type, data }: Proposed<T>) {
    this.now += this.random.integer(1, LONGEST_PAUSE_MS);
    const sequence = (this.sequences.get(stream) ?? 0) + 1;
    this.sequences.set(stream, sequence);
    const { time } = this;
    const id = this.uuid();
    const about = { subject, subjectId, source: `/ourvidz/${source}`, cloudEventType: CLOUD_EVENT_TYPES[type] };
    this.written.push({ stream, raw: { sequence, id, time, storedAt: time, data, ...about } });
    return { type, id, time, sequence, data } as Recorded<T>;
  }

  /** What was written since the last time. */
  take(): StreamedEvent[] {
    const { written } = this;
    this.written = [];
    return written;
  }
}
