/** Messages that no worker could deal with. The server only points at them; they are fetched from the stream. */
import type { DeadLetterReason } from '#contracts/queries.js';
import { DEAD_LETTER_CONSUMER, DEAD_LETTER_STREAM } from '#contracts/streams.js';
import { parseJobSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import type { Delivery } from './delivery.js';
import { orMissing } from './errors.js';
import { GAVE_UP, type Handled } from './handled.js';
import { LogReader } from './log-reader.js';
import { runPullLoop } from './pull-loop.js';

export interface DeadLetter {
  readonly reason: DeadLetterReason;
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

/** A dead letter where it is kept. */
export interface KeptDeadLetter extends DeadLetter {
  /** Its place among the dead letters. */
  readonly place: number;
  /** When the server gave the message up, ISO 8601. */
  readonly at: string;
}

/**
 * The last `limit` places before one, or the newest ones, newest first. `next` is the place that the letters before these
 * come before; undefined when there are none. A page may hold fewer letters than places.
 */
export async function readDeadLetters(
  bus: Bus,
  limit: number,
  before?: number,
): Promise<{ letters: readonly KeptDeadLetter[]; next?: number }> {
  const reader = new LogReader(bus, DEAD_LETTER_STREAM.name);
  const { firstSequence, lastSequence } = await reader.position();
  const end = Math.min(before ?? Number.POSITIVE_INFINITY, lastSequence + 1);
  const from = Math.max(end - limit, firstSequence, 1);
  if (from >= end) return { letters: [] };
  // Whoever reads from a place that is empty gets what lies behind it.
  const pointers = (await reader.read(from, end - from)).filter(({ sequence }) => sequence < end).reverse();
  const letters = pointers.map(async ({ sequence: place, storedAt: at, subject, data }) => {
    return { ...(await letterOf(bus, subject, data as Advisory)), place, at };
  });
  return { letters: await Promise.all(letters), next: from > firstSequence ? from : undefined };
}

/** Puts a letter away for ever. The message that it points at stays in its stream. False when it is not there. */
export async function discardDeadLetter(bus: Bus, place: number): Promise<boolean> {
  const deleted = await orMissing(bus.answerTo(bus.jsm.streams.deleteMessage(DEAD_LETTER_STREAM.name, place, false)));
  return deleted ?? false;
}

function deadLetter(bus: Bus, delivery: Delivery): Promise<DeadLetter> {
  return letterOf(bus, delivery.subject, delivery.json<Advisory>());
}

async function letterOf(bus: Bus, pointer: string, advisory: Advisory): Promise<DeadLetter> {
  const { stream, consumer, stream_seq: sequence, deliveries, reason: detail } = advisory;
  const message = await new LogReader(bus, stream).messageAt(sequence);
  const worn = pointer.includes('MAX_DELIVERIES') || detail?.startsWith(GAVE_UP);
  const reason = worn ? 'max_deliveries' : 'terminated';
  const jobId = message && parseJobSubject(message.subject)?.jobId;
  return { reason, stream, consumer, sequence, deliveries, detail, subject: message?.subject, jobId };
}
