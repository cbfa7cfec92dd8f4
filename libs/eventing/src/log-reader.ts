/** Reads a stream by sequence, without acks: the reader keeps its own place. */
import { JetStreamApiError } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import { liveSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import { directRead } from './direct-read.js';
import type { CloudEvent } from './envelope.js';

export interface StreamPosition {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly createdAt: string;
  readonly bytes: number;
  readonly maxBytes: number;
}

/** A message as it lies in the stream, whatever its type. */
export interface RawEvent extends CloudEvent {
  readonly sequence: number;
  readonly subject: string;
  /** When the server stored it. */
  readonly storedAt: string;
}

const NOT_FOUND = 404;
const decoder = new TextDecoder();

export class LogReader {
  constructor(
    private readonly bus: Bus,
    readonly stream: string,
  ) {}

  /** Where the stream begins and ends, from its leader. */
  async position(): Promise<StreamPosition> {
    const { state, created, config } = await this.bus.answerTo(this.bus.jsm.streams.info(this.stream));
    const { first_seq: firstSequence, last_seq: lastSequence, bytes } = state;
    return { firstSequence, lastSequence, createdAt: created, bytes, maxBytes: config.max_bytes };
  }

  /** The message at a sequence, from the leader; undefined when there is none. */
  async messageAt(sequence: number): Promise<RawEvent | undefined> {
    // The server takes 0 for a malformed question.
    if (sequence < 1) return undefined;
    try {
      const found = await this.bus.answerTo(this.bus.jsm.streams.getMessage(this.stream, { seq: sequence }));
      if (!found) return undefined;
      const { subject, header: headers, data, timestamp: storedAt } = found;
      return rawEvent({ sequence, subject, headers, data, storedAt });
    } catch (error) {
      if (error instanceof JetStreamApiError && error.status === NOT_FOUND) return undefined;
      throw error;
    }
  }

  /** Up to `limit` messages from a sequence on, in order; none when nothing is there yet. */
  async read(fromSequence: number, limit: number): Promise<RawEvent[]> {
    const { messages } = await directRead(this.bus, this.stream, { seq: fromSequence, batch: limit });
    return messages.map(rawEvent);
  }

  /** Rings when something is appended to any stream. It may ring late or not at all: poll as well. */
  onAppend(listener: () => void): () => void {
    return this.bus.listen(liveSubject('ourvidz.>'), () => listener());
  }
}

function rawEvent(message: {
  sequence: number;
  subject: string;
  storedAt: string;
  headers: MsgHdrs;
  data: Uint8Array;
}): RawEvent {
  const { headers } = message;
  return {
    sequence: message.sequence,
    subject: message.subject,
    storedAt: message.storedAt,
    id: headers.get('ce-id'),
    cloudEventType: headers.get('ce-type'),
    subjectId: headers.get('ce-subject'),
    source: headers.get('ce-source'),
    time: headers.get('ce-time'),
    traceparent: headers.get('traceparent') || undefined,
    data: jsonOf(message.data),
  };
}

/** A reader of the log has to get past everything that lies in it: what is not JSON comes as text. */
function jsonOf(payload: Uint8Array): unknown {
  const text = decoder.decode(payload);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { notJson: text };
    throw error;
  }
}
