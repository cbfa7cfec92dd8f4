/** The guarded append: a message is stored only if nothing else was stored for the same thing in between. */
import type { Msg } from '@nats-io/transport-node';
import type { Bus } from './bus.js';
import type { Sealed } from './envelope.js';
import { AppendRejectedError, EventingUnavailableError, StreamFullError } from './errors.js';

/** What the append expects: the last sequence under the filter, 0 for nothing. */
export interface Guard {
  readonly filter: string;
  readonly sequence: number;
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly sequence: number }
  /** Somebody was first, or an earlier try of one's own; at least this sequence must be read to know. */
  | { readonly kind: 'conflict'; readonly atLeast: number }
  /** Another append to the same thing is under way. */
  | { readonly kind: 'busy' };

interface PubAck {
  readonly stream: string;
  readonly seq: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

const WRONG_LAST_SEQUENCE = 10071;
const IN_FLIGHT = new Set([10164, 10158]);
/** Store failed (the stream is full), no space, or a storage limit. */
const NO_ROOM = new Set([10077, 10047, 10023]);
const SERVICE_UNAVAILABLE = 503;

/** How long an unknown outcome is asked for again with the same bytes. */
const UNKNOWN_OUTCOME_MS = 15_000;
const FIRST_TRY_MS = 2_000;
const PAUSE_MS = { first: 20, most: 500 };

/**
 * Appends once, however often it has to be sent. Rejects with `StreamFullError`, with `EventingUnavailableError` when
 * the outcome stays unknown, and with `AppendRejectedError` for what no further try can mend.
 */
export async function append(bus: Bus, subject: string, sealed: Sealed, guard: Guard): Promise<AppendOutcome> {
  const { headers } = sealed;
  headers.set('Nats-Expected-Last-Subject-Sequence', String(guard.sequence));
  headers.set('Nats-Expected-Last-Subject-Sequence-Subject', guard.filter);
  const deadline = Date.now() + UNKNOWN_OUTCOME_MS;
  for (let pauseMs = PAUSE_MS.first; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS.most)) {
    const ack = await trySend(bus, subject, sealed);
    if (ack) return outcomeOf(ack, guard);
    if (Date.now() >= deadline) throw new EventingUnavailableError('the outcome of an append stayed unknown');
    await pause(pauseMs);
    await bus.whenConnected(Math.max(deadline - Date.now(), 1));
  }
}

/** The server's word, or undefined when it gave none: then the message may be stored or not. */
async function trySend(bus: Bus, subject: string, sealed: Sealed): Promise<PubAck | undefined> {
  const reply = await request(bus, subject, sealed);
  const ack = reply?.json<PubAck>();
  if (ack?.error?.code === SERVICE_UNAVAILABLE && !isSettled(ack.error.err_code)) return undefined;
  return ack;
}

async function request(bus: Bus, subject: string, sealed: Sealed): Promise<Msg | undefined> {
  try {
    const answer = bus.nc.request(subject, sealed.payload, { headers: sealed.headers, timeout: FIRST_TRY_MS });
    return await bus.untilReconnect(answer);
  } catch (error) {
    if (bus.nc.isClosed() || isTooLarge(error)) throw error;
    bus.log.debug({ err: error, eventId: sealed.id }, 'append without an answer');
    return undefined;
  }
}

function outcomeOf(ack: PubAck, guard: Guard): AppendOutcome {
  if (!ack.error) return { kind: 'appended', sequence: ack.seq };
  const { err_code: code = 0, description = '' } = ack.error;
  if (code === WRONG_LAST_SEQUENCE)
    return { kind: 'conflict', atLeast: lastSequenceIn(description) ?? guard.sequence + 1 };
  if (IN_FLIGHT.has(code)) return { kind: 'busy' };
  if (NO_ROOM.has(code)) throw new StreamFullError(description);
  throw new AppendRejectedError(`${code} ${description}`);
}

function isSettled(code = 0): boolean {
  return code === WRONG_LAST_SEQUENCE || IN_FLIGHT.has(code) || NO_ROOM.has(code);
}

/** The server says `wrong last sequence: 42`. */
function lastSequenceIn(description: string): number | undefined {
  const found = /wrong last sequence: (\d+)/.exec(description);
  return found ? Number(found[1]) : undefined;
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && /max_payload/i.test(error.message);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
