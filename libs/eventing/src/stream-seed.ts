/** Fills a stream that was lost, from what is known of it. Until it is full nobody can append to it. */
import { JetStreamApiError, type JetStreamClient, type StreamConfig } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { SEED_TRANSFORM, seedSubject } from '#contracts/subjects.js';
import type { Bus } from './bus.js';
import { type CloudEvent, messageOf } from './envelope.js';
import { EventingUnavailableError, orMissing, TopologyError } from './errors.js';

/** An event that the stream held, and the subject under which it lay there. */
export interface SeedEvent extends CloudEvent {
  readonly subject: string;
}

export interface Seed {
  /** Sequence of the first message: above every one that the lost stream may have given. */
  readonly firstSequence: number;
  /** What nobody has to work at any more. It comes first in the stream, and work starts behind it. */
  readonly finished: AsyncIterable<readonly SeedEvent[]>;
  /** The rest. */
  readonly open: AsyncIterable<readonly SeedEvent[]>;
  /** Called after each part with the messages stored so far. */
  onStored?(count: number): void;
  /** Called when everything is stored and nobody can append yet; the stream stays closed when it rejects. */
  onFilled(last: { readonly sequence: number; readonly eventId: string | null }): Promise<void>;
}

/** A stream's metadata: the first sequence that makes work. What lies before it is kept to be read. */
const WORK_FROM = 'ourvidz-work-from';
/** Messages sent and not confirmed yet. */
const IN_FLIGHT = 256;
const CONFIRMED_WITHIN_MS = 5_000;
/** Nothing is sent twice here; the window would only keep every id in memory. */
const NO_WINDOW_MS = 100;
/** Store failed (the stream is full), no space, or a storage limit. */
const NO_ROOM = new Set([10077, 10047, 10023]);
/** Wrong last sequence, or the name is in use, or not any more. */
const OVERTAKEN = new Set([10071, 10058, 10059]);

/** `half full`: its filling was broken off, or is under way. */
export type StreamState = 'open' | 'half full' | 'missing';

export async function streamState(bus: Bus, name: string): Promise<StreamState> {
  const existing = await orMissing(bus.answerTo(bus.jsm.streams.info(name)));
  if (!existing) return 'missing';
  return isBeingSeeded(existing.config) ? 'half full' : 'open';
}

/** Whether the stream is not full yet: it must be filled from the beginning. */
export function isBeingSeeded({ subject_transform: transform }: Pick<StreamConfig, 'subject_transform'>): boolean {
  return transform?.src === SEED_TRANSFORM.src;
}

/** The first sequence that makes work, for a stream that was filled again; else undefined. */
export function workFrom({ metadata }: Pick<StreamConfig, 'metadata'>): number | undefined {
  const from = metadata?.[WORK_FROM];
  return from === undefined ? undefined : Number(from);
}

/**
 * Makes the stream, fills it, and opens it in one step. A stream that is half full is emptied first; one that is open is
 * left as it is. Of two that fill the same stream one rejects: each message names the one before it.
 *
 * @param wanted what the stream is to be when it is open
 */
export async function seedStream(bus: Bus, wanted: Partial<StreamConfig>, seed: Seed): Promise<void> {
  const start = await closedStream(bus, wanted, seed.firstSequence).catch(failed);
  if (start === undefined) return;
  const filler = new Filler(bus.jsm.jetstream(), start, seed);
  await filler.send(seed.finished);
  const from = filler.last.sequence + 1;
  await filler.send(seed.open);
  await seed.onFilled(filler.last);
  await open(bus, wanted, from);
}

/** Resolves with the last sequence before the first message, or undefined when the stream is open. */
async function closedStream(bus: Bus, wanted: Partial<StreamConfig>, first: number): Promise<number | undefined> {
  const name = wanted.name ?? '';
  const existing = await orMissing(bus.answerTo(bus.jsm.streams.info(name)));
  if (existing && !isBeingSeeded(existing.config)) return undefined;
  if (existing) await emptied(bus, name);
  else await bus.answerTo(bus.jsm.streams.add(closed(wanted, first)));
  const { config, state } = await bus.answerTo(bus.jsm.streams.info(name));
  if (!isBeingSeeded(config) || config.allow_direct) throw new TopologyError(`stream ${name} could not be closed`);
  return state.last_seq;
}

async function emptied(bus: Bus, name: string): Promise<void> {
  try {
    await bus.answerTo(bus.jsm.streams.purge(name));
  } catch (error) {
    // An open stream denies it.
    throw unavailable('somebody else has filled it', error);
  }
}

type NewStream = Parameters<Bus['jsm']['streams']['add']>[0];

/** It takes nothing under its own subjects, tells nobody what it takes, and is read by nobody who folds. */
function closed(wanted: Partial<StreamConfig>, first: number): NewStream {
  const { republish: _, ...kept } = wanted;
  return {
    ...kept,
    subjects: wanted.subjects?.map(seedSubject),
    subject_transform: SEED_TRANSFORM,
    first_seq: first,
    allow_direct: false,
    deny_delete: false,
    deny_purge: false,
    duplicate_window: nanos(NO_WINDOW_MS),
  } as NewStream;
}

async function open(bus: Bus, wanted: Partial<StreamConfig>, from: number): Promise<void> {
  const metadata = { [WORK_FROM]: String(from) };
  const update = { ...wanted, subject_transform: undefined, metadata };
  await bus.answerTo(bus.jsm.streams.update(wanted.name ?? '', update));
}

/** Sends messages in order, many at a time. */
class Filler {
  private readonly confirming: Promise<unknown>[] = [];
  private sent = 0;
  private lastId: string | null = null;

  constructor(
    private readonly client: JetStreamClient,
    /** The sequence before the first message. */
    private readonly start: number,
    private readonly seed: Pick<Seed, 'onStored'>,
  ) {}

  get last(): { sequence: number; eventId: string | null } {
    return { sequence: this.start + this.sent, eventId: this.lastId };
  }

  /** Resolves when all of it is stored. */
  async send(parts: AsyncIterable<readonly SeedEvent[]>): Promise<void> {
    for await (const part of parts) {
      for (const event of part) await this.sendOne(event);
      this.seed.onStored?.(this.sent - this.confirming.length);
    }
    await Promise.all(this.confirming.splice(0));
    this.seed.onStored?.(this.sent);
  }

  private async sendOne(event: SeedEvent): Promise<void> {
    const { headers, payload } = messageOf(event);
    const expect = { lastSequence: this.last.sequence };
    const options = { headers, expect, timeout: CONFIRMED_WITHIN_MS, retries: 0 };
    const confirmed = this.client.publish(seedSubject(event.subject), payload, options).catch(failed);
    // The first failure is awaited and ends it all; those behind it must not count as unhandled.
    confirmed.catch(() => undefined);
    this.sent++;
    this.lastId = event.id;
    this.confirming.push(confirmed);
    if (this.confirming.length >= IN_FLIGHT) await this.confirming.shift();
  }
}

function failed(error: unknown): never {
  if (error instanceof TopologyError || error instanceof EventingUnavailableError) throw error;
  if (!(error instanceof JetStreamApiError)) throw unavailable('a message was not confirmed', error);
  if (NO_ROOM.has(error.code)) throw new TopologyError(`what the log has does not fit: ${error.message}`);
  throw OVERTAKEN.has(error.code) ? unavailable('somebody else fills it', error) : error;
}

function unavailable(why: string, cause: unknown): EventingUnavailableError {
  return new EventingUnavailableError(`filling a stream: ${why}`, { cause });
}
