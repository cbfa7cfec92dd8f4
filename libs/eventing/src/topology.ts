/** Streams and consumers on the server: made by the jobs service, checked by everybody. */
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import {
  ACCOUNT_STREAM,
  CONSUMERS,
  type ConsumerSpec,
  JOB_STREAM,
  STREAMS,
  type StreamSpec,
} from '#contracts/streams.js';
import type { Bus } from './bus.js';
import { AccessRefusedError, EventingUnavailableError, isMissing, orMissing, TopologyError } from './errors.js';
import { pause } from './pause.js';
import { isBeingSeeded, type Seed, seedStream, workFrom } from './stream-seed.js';

export interface TopologySize {
  /** 1, 3 or 5. */
  readonly replicas: number;
  readonly jobStreamMaxBytes: number;
  readonly accountStreamMaxBytes: number;
}

/**
 * Whether a stream that is not there was there before: then it is filled by calling `fill` with what is known of it, and
 * the answer is true. Without an answer no stream is made.
 */
export type Restore = (spec: StreamSpec, fill: (seed: Seed) => Promise<void>) => Promise<boolean>;

const neverThere: Restore = async () => false;

/** How often a lost message may have been sent before the server takes it for a new one. */
const DUPLICATE_WINDOW_MS = 2 * 60_000;
const LARGE_ACK_PENDING = 100_000;
const DEAD_LETTER_MAX_BYTES = 64 * 1024 * 1024;
const RETRY_MS = 250;
/** No suitable peers for placement: too few members are there yet. */
const NO_SUITABLE_PEERS = 10005;
/** The stream's largest size is more than the server may use. */
const NO_STORAGE = 10047;

/**
 * Creates what is missing, brings the rest up to date, and checks that the server took all of it. Waits for servers that
 * are away or have no leader yet, and for `restore`; rejects with `TopologyError` when they refuse.
 */
export async function createTopology(
  bus: Bus,
  size: TopologySize,
  signal?: AbortSignal,
  restore: Restore = neverThere,
): Promise<void> {
  for (const spec of STREAMS) {
    const name = `stream ${spec.name}`;
    await untilThere(bus, name, () => orRefused(name, createStream(bus, spec, size, restore)), signal);
  }
  for (const spec of CONSUMERS) {
    const name = `consumer ${spec.name}`;
    await untilThere(bus, name, () => orRefused(name, createConsumer(bus, spec)), signal);
  }
}

/** Fills one stream that was lost, and leaves one that is open as it is. False when `restore` knows nothing of it. */
export function refillStream(bus: Bus, spec: StreamSpec, size: TopologySize, restore: Restore): Promise<boolean> {
  return restore(spec, (seed) => seedStream(bus, streamConfig(spec, size), seed));
}

/** Waits until the streams and these consumers are there, and checks them. Rejects with `TopologyError` on a difference. */
export async function awaitTopology(bus: Bus, consumers: readonly ConsumerSpec[], signal?: AbortSignal): Promise<void> {
  for (const spec of [JOB_STREAM]) await untilThere(bus, `stream ${spec.name}`, () => checkStream(bus, spec), signal);
  for (const spec of consumers) await untilThere(bus, `consumer ${spec.name}`, () => checkConsumer(bus, spec), signal);
}

async function untilThere(bus: Bus, what: string, attempt: () => Promise<void>, signal?: AbortSignal): Promise<void> {
  for (let told = false; ; told = true) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof TopologyError || error instanceof AccessRefusedError) throw error;
      if (bus.nc.isClosed()) throw new EventingUnavailableError('the connection is closed', { cause: error });
      // The first start of a platform waits for the service that makes them: nothing to worry about.
      if (isMissing(error)) bus.log[told ? 'debug' : 'info'](`waiting for ${what}`);
      else bus.log[told ? 'debug' : 'warn']({ err: error }, `waiting for ${what}`);
    }
    await pause(RETRY_MS, signal);
  }
}

/** What the server refuses now it refuses later, unless a cluster has not yet found its members. */
async function orRefused(what: string, creation: Promise<void>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    const final = error instanceof JetStreamApiError && error.code !== NO_SUITABLE_PEERS;
    throw final ? new TopologyError(`${what}: ${explained(error)}`, { cause: error }) : error;
  }
}

function explained(error: JetStreamApiError): string {
  if (error.code !== NO_STORAGE) return error.message;
  return 'NATS has too little disk space for it. Free some, or set JOBS_STREAM_MAX_BYTES and ACCOUNTS_STREAM_MAX_BYTES';
}

async function createStream(bus: Bus, spec: StreamSpec, size: TopologySize, restore: Restore): Promise<void> {
  const wanted = streamConfig(spec, size);
  const existing = await orMissing(bus.answerTo(bus.jsm.streams.info(spec.name)));
  const isThere = existing !== undefined && !isBeingSeeded(existing.config);
  const isOpen = isThere || (await refillStream(bus, spec, size, restore));
  if (existing && !isOpen) throw halfFull(spec);
  const info = isOpen
    ? await bus.answerTo(bus.jsm.streams.update(spec.name, wanted))
    : await bus.answerTo(bus.jsm.streams.add(wanted as Parameters<typeof bus.jsm.streams.add>[0]));
  assertSame(`stream ${spec.name}`, wanted, info.config);
}

/** It is neither there nor missing; whoever fills it opens it soon. */
function halfFull({ name }: StreamSpec): EventingUnavailableError {
  return new EventingUnavailableError(`stream ${name} is being filled from the log`);
}

async function createConsumer(bus: Bus, spec: ConsumerSpec): Promise<void> {
  const wanted = await consumerConfig(bus, spec);
  const { consumers } = bus.jsm;
  const existing = await orMissing(bus.answerTo(consumers.info(spec.stream, spec.name)));
  const info = existing
    ? await bus.answerTo(consumers.update(spec.stream, spec.name, wanted))
    : await bus.answerTo(consumers.add(spec.stream, wanted));
  assertSame(`consumer ${spec.name}`, wanted, info.config);
}

async function checkStream(bus: Bus, spec: StreamSpec): Promise<void> {
  const { config } = await bus.answerTo(bus.jsm.streams.info(spec.name));
  if (isBeingSeeded(config)) throw halfFull(spec);
  assertSame(`stream ${spec.name}`, fixedConfig(spec), config);
}

async function checkConsumer(bus: Bus, spec: ConsumerSpec): Promise<void> {
  const wanted = await consumerConfig(bus, spec);
  const { config } = await bus.answerTo(bus.jsm.consumers.info(spec.stream, spec.name));
  assertSame(`consumer ${spec.name}`, wanted, config);
}

/** What does not depend on the size of the installation. */
function fixedConfig(spec: StreamSpec): Partial<StreamConfig> {
  return {
    name: spec.name,
    subjects: [...spec.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: spec.appendOnly ? DiscardPolicy.New : DiscardPolicy.Old,
    deny_delete: spec.appendOnly,
    deny_purge: spec.appendOnly,
    allow_direct: true,
    max_age: nanos(spec.maxAgeMs),
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    ...(spec.republish ? { republish: { src: spec.republish.from, dest: spec.republish.to } } : {}),
  };
}

function streamConfig(spec: StreamSpec, size: TopologySize): Partial<StreamConfig> {
  return { ...fixedConfig(spec), num_replicas: size.replicas, max_bytes: maxBytes(spec, size) };
}

function maxBytes(spec: StreamSpec, size: TopologySize): number {
  if (spec.name === JOB_STREAM.name) return size.jobStreamMaxBytes;
  return spec.name === ACCOUNT_STREAM.name ? size.accountStreamMaxBytes : DEAD_LETTER_MAX_BYTES;
}

async function consumerConfig(bus: Bus, spec: ConsumerSpec): Promise<Partial<ConsumerConfig>> {
  const { config } = await bus.answerTo(bus.jsm.streams.info(spec.stream));
  const from = spec.isWork ? workFrom(config) : undefined;
  const [only, ...more] = spec.filters;
  return {
    durable_name: spec.name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: from === undefined ? DeliverPolicy.All : DeliverPolicy.StartSequence,
    ...(from === undefined ? {} : { opt_start_seq: from }),
    ack_wait: nanos(spec.ackWaitMs),
    max_deliver: spec.maxDeliver,
    max_ack_pending: LARGE_ACK_PENDING,
    // Both are named: an update keeps what is not.
    filter_subject: more.length === 0 ? only : undefined,
    filter_subjects: more.length === 0 ? undefined : [...spec.filters],
  };
}

/** Compares what was asked for with what the server says it has: an older server leaves out what it does not know. */
function assertSame(what: string, wanted: object, actual: object): void {
  const found = new Map(Object.entries(actual));
  const different = Object.entries(wanted).filter(([key, value]) => canonical(value) !== canonical(found.get(key)));
  if (different.length === 0) return;
  const list = different.map(([key, value]) => `${key} is ${canonical(found.get(key))}, not ${canonical(value)}`);
  throw new TopologyError(`${what} differs from what this version needs: ${list.join('; ')}`);
}

/** Unset and the server's default for it (false, 0) are the same. */
function canonical(value: unknown): string {
  if (value === undefined || value === false || value === 0) return 'unset';
  return JSON.stringify(value);
}
