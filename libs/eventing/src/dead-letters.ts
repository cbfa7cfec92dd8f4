/** Messages that no worker could deal with. The server only points at them; they are fetched from the stream. */
import { DEAD_LETTER_CONSUMER } from '#contracts/streams.js';
import { parseJobSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import type { Delivery } from './delivery.js';
import { GAVE_UP, type Handled } from './handled.js';
import { LogReader } from './log-reader.js';
import { runPullLoop } from './pull-loop.js';

export interface DeadLetter {
  readonly reason: 'max_deliveries' | 'terminated';
  readonly stream: string;
  readonly consumer: string;
  readonly sequence: number;
  readonly deliveries: number;
  /** What the handler said when it rejected the message. */
  readonly detail?: string;
  /** Undefined when the message is not in the stream any more, or not a job's. */
  readonly subject?: string;
  readonly jobId?: string;
}

/** A consumer advisory of the server, `io.nats.jetstream.advisory.v1.max_deliver` or `.terminated`. */
interface Advisory {
  readonly stream: string;
  readonly consumer: string;
  readonly stream_seq: number;
  readonly deliveries: number;
  readonly reason?: string;
}

/** Hands over every dead letter until it is done with. Resolves when the signal aborts. */
export function runDeadLetters(
  bus: Bus,
  handle: (letter: DeadLetter) => Promise<Handled>,
  signal: AbortSignal,
): Promise<void> {
  const onDelivery = async (delivery: Delivery) => handle(await deadLetter(bus, delivery));
  return runPullLoop(bus, { consumers: [DEAD_LETTER_CONSUMER], signal }, onDelivery);
}

async function deadLetter(bus: Bus, delivery: Delivery): Promise<DeadLetter> {
  const advisory = delivery.json<Advisory>();
  const { stream, consumer, stream_seq: sequence, deliveries, reason: detail } = advisory;
  const message = await new LogReader(bus, stream).messageAt(sequence);
  const worn = delivery.subject.includes('MAX_DELIVERIES') || detail?.startsWith(GAVE_UP);
  const reason = worn ? 'max_deliveries' : 'terminated';
  const jobId = message && parseJobSubject(message.subject)?.jobId;
  return { reason, stream, consumer, sequence, deliveries, detail, subject: message?.subject, jobId };
}
