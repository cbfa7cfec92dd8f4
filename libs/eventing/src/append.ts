/** The guarded append: a message is stored only if nothing else was stored for the same thing in between. */
import { errors, type Msg } from '@nats-io/transport-node';
import type { Bus } from './bus.js';
import type { Sealed } from './envelope.js';
import { AppendRejectedError, EventingUnavailableError, StreamFullError } from './errors.js';
import { pause } from './pause.js';

/** What the append expects: the last sequence under the filter, 0 for nothing. */
export interface Guard {
  readonly filter: string;
  readonly sequence: number;
}

export type AppendOutcome =
  | { readonly kind: 'appended'; readonly sequence: number }
  /** Somebody was first, or an earlier try of one's own; at least this sequence must be read to know. */
  | { readonly kind: 'conflict'; readonly atLeast: number };

interface PubAck {
  readonly stream: string;
  readonly seq: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

const WRONG_LAST_SEQUENCE = 10071;
/** Another append to the same thing, or an earlier try of this one, is under way: soon the server knows. */
const IN_FLIGHT = new Set([10164, 10158]);
/** Store failed (the stream is full), no space, or a storage limit. */
const NO_ROOM = new Set([10077, 10047, 10023]);
const TOO_MANY_REQUESTS = 429;
const SERVICE_UNAVAILABLE = 503;

/** How long an unknown outcome is asked for again with the same bytes. */
const UNKNOWN_OUTCOME_MS = 15_000;
const FIRST_TRY_MS = 2_000;
const PAUSE_MS = { first: 20, most: 500 };
const BUSY_PAUSE_MS = 4;

/**
 * Appends once, however often it has to be sent: an answer that is no verdict is followed by the same bytes again, never
 * by others, so that no earlier try can be stored behind one's back. Rejects with `StreamFullError`, with
 * `EventingUnavailableError` when the outcome stays unknown, and with `AppendRejectedError` for what no further try can
 * mend.
 */
export async function append(bus: Bus, subject: string, sealed: Sealed, guard: Guard): Promise<AppendOutcome> {
  const { headers } = sealed;
  headers.set('Nats-Expected-Last-Subject-Sequence', String(guard.sequence));
  headers.set('Nats-Expected-Last-Subject-Sequence-Subject', guard.filter);
  return outcomeOf(await verdictOn(bus, subject, sealed), guard);
}

/**
 * Appends what depends on nothing before it: a record, not a change. Its id keeps a repeated try from being stored twice.
 * Rejects as `append` does.
 */
export async function appendRecord(bus: Bus, subject: string, sealed: Sealed): Promise<void> {
  outcomeOf(await verdictOn(bus, subject, sealed), undefined);
}

/** The server's verdict, asked for with the same bytes until there is one. */
async function verdictOn(bus: Bus, subject: string, sealed: Sealed): Promise<PubAck> {
  const deadline = Date.now() + UNKNOWN_OUTCOME_MS;
  for (let pauseMs = PAUSE_MS.first; ; ) {
    const ack = await request(bus, subject, sealed);
    if (ack && isVerdict(ack)) {
      bus.noteRoom(ack.stream, !NO_ROOM.has(ack.error?.err_code ?? 0));
      return ack;
    }
    if (Date.now() >= deadline) throw new EventingUnavailableError('the outcome of an append stayed unknown');
    const busy = IN_FLIGHT.has(ack?.error?.err_code ?? 0);
    await pause(busy ? BUSY_PAUSE_MS : pauseMs);
    if (!busy) pauseMs = Math.min(pauseMs * 2, PAUSE_MS.most);
    await bus.whenConnected(Math.max(deadline - Date.now(), 1));
  }
}

/** The server's answer, or undefined when it gave none: then the message may be stored or not. */
async function request(bus: Bus, subject: string, sealed: Sealed): Promise<PubAck | undefined> {
  try {
    const answer = bus.nc.request(subject, sealed.payload, { headers: sealed.headers, timeout: FIRST_TRY_MS });
    const reply: Msg | undefined = await bus.untilReconnect(answer);
    return reply?.json<PubAck>();
  } catch (error) {
    if (bus.nc.isClosed()) throw new EventingUnavailableError('the connection is closed', { cause: error });
    if (isHopeless(error)) throw new AppendRejectedError(messageOf(error), { cause: error });
    bus.log.debug({ err: error, eventId: sealed.id }, 'append without an answer');
    return undefined;
  }
}

/** Whether the answer says for certain what became of the message. */
function isVerdict({ error }: PubAck): boolean {
  if (!error) return true;
  const code = error.err_code ?? 0;
  if (IN_FLIGHT.has(code) || error.code === TOO_MANY_REQUESTS) return false;
  return error.code !== SERVICE_UNAVAILABLE || NO_ROOM.has(code);
}

function outcomeOf(ack: PubAck, guard: Guard | undefined): AppendOutcome {
  if (!ack.error) return { kind: 'appended', sequence: ack.seq };
  const { err_code: code = 0, description = '' } = ack.error;
  if (guard && code === WRONG_LAST_SEQUENCE)
    return { kind: 'conflict', atLeast: lastSequenceIn(description) ?? guard.sequence + 1 };
  if (NO_ROOM.has(code)) throw new StreamFullError(description);
  throw new AppendRejectedError(`${code} ${description}`);
}

/** The server says `wrong last sequence: 42`. */
function lastSequenceIn(description: string): number | undefined {
  const found = /wrong last sequence: (\d+)/.exec(description);
  return found ? Number(found[1]) : undefined;
}

/** Too large for the server, or not allowed: it will be so the next time. */
function isHopeless(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return /max_payload/i.test(error.message) || error.cause instanceof errors.PermissionViolationError;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
