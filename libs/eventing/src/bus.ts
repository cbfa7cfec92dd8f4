/** A process's one connection to NATS. Only this room knows the client library. */
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { createInbox, errors, type Msg, type NatsConnection, type Status } from '@nats-io/transport-node';
import { inboxPrefix, type ServiceName } from '#contracts/rights.js';
import type { Log } from '#service-kit/log.js';
import { type BusOptions, firstConnection } from './connection.js';
import { AccessRefusedError, EventingUnavailableError, TopologyError } from './errors.js';

export type { BusOptions } from './connection.js';

/** Older servers silently drop what they do not know: filters, guards over wildcards, republishing. */
const OLDEST_SERVER = [2, 12] as const;
const SERVICE_UNAVAILABLE = 503;
/** While a cluster has no leader nobody answers at all: whoever asks again soon is answered soon after the election. */
const API_TIMEOUT_MS = 2_000;
/** A server that does not answer may not keep a process from ending. */
const CLOSE_LIMIT_MS = 2_000;

/**
 * Waits for the first server however long it takes. Rejects with `AccessRefusedError` when it does not take the
 * credentials, with `TopologyError` when it is too old.
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const nc = await firstConnection(options);
  const bus = new Bus(nc, await jetstreamManager(nc, { checkAPI: false, timeout: API_TIMEOUT_MS }), options);
  bus.assertVersion();
  return bus;
}

export class Bus {
  private readonly reconnectListeners = new Set<() => void>();
  /** Told when an answer that is awaited will not come any more: after a reconnect, or at the end. */
  private readonly interruptions = new Set<() => void>();
  private connected = true;
  /** When a stream last refused something for lack of room, for those that have stored nothing since. */
  private readonly fullSince = new Map<string, number>();
  /** Ends with an error when the connection is given up for good; a process then stops. */
  readonly closed: Promise<Error | undefined>;

  constructor(
    /** For this room only. */
    readonly nc: NatsConnection,
    /** For this room only. */
    readonly jsm: JetStreamManager,
    private readonly options: BusOptions,
  ) {
    this.closed = nc.closed().then((error) => error ?? undefined);
    void this.closed.then(() => this.tell(this.interruptions));
    void this.followStatus();
  }

  get service(): ServiceName {
    return this.options.service;
  }

  get log(): Log {
    return this.options.log;
  }

  /** An address for answers that no other service may read. */
  newInbox(): string {
    return createInbox(inboxPrefix(this.options.service));
  }

  isConnected(): boolean {
    return this.connected && !this.nc.isClosed();
  }

  /**
   * Whether something was refused for lack of room within the last `withinMs`, and nothing stored in that stream since. Only
   * an append can tell that there is room again.
   */
  lacksRoom(withinMs: number): boolean {
    const oldest = Date.now() - withinMs;
    return [...this.fullSince.values()].some((refusedAt) => refusedAt > oldest);
  }

  /** For this room only. */
  noteRoom(stream: string, hasRoom: boolean): void {
    if (!hasRoom) this.fullSince.set(stream, Date.now());
    else if (this.fullSince.size > 0) this.fullSince.delete(stream);
  }

  /** Calls the listener after every reconnect; returns what ends that. */
  onReconnect(listener: () => void): () => void {
    this.reconnectListeners.add(listener);
    return () => void this.reconnectListeners.delete(listener);
  }

  /**
   * Calls back for every message of a subject; returns what ends that. What the callback throws is logged here: in the
   * client it would end the reading of the whole connection.
   */
  listen(subject: string, onMessage: (message: Msg) => void, queue?: string): () => void {
    const callback = (error: Error | null, message: Msg) => {
      try {
        if (error) throw error;
        onMessage(message);
      } catch (failure) {
        this.log.error({ err: failure, subject }, 'a message could not be handled');
      }
    };
    const subscription = this.nc.subscribe(subject, { queue, callback });
    return () => {
      if (!subscription.isClosed()) subscription.unsubscribe();
    };
  }

  /** Resolves when the server knows every subscription made so far, over reconnects. Rejects when closed. */
  async flushed(): Promise<void> {
    for (;;) {
      if (this.nc.isClosed()) throw new EventingUnavailableError('the connection is closed');
      const flushed = this.nc.flush().then(() => true);
      try {
        if (await this.untilReconnect(flushed)) return;
      } catch (error) {
        this.log.debug({ err: error }, 'connection lost while flushing');
      }
    }
  }

  /** The answer, or undefined as soon as a reconnect (or the end) means that none will come. */
  async untilReconnect<T>(answer: Promise<T>): Promise<T | undefined> {
    let stop = () => {};
    const interrupted = new Promise<undefined>((resolve) => {
      stop = this.onInterruption(() => resolve(undefined));
    });
    // When the reconnect wins, nobody waits for the answer's time-out any more.
    answer.catch(() => undefined);
    return Promise.race([answer, interrupted]).finally(stop);
  }

  /** The answer to a request. What passes by itself rejects with `EventingUnavailableError`. */
  async answerTo<T>(request: Promise<T>): Promise<T> {
    let answer: T | undefined;
    try {
      answer = await this.untilReconnect(request);
    } catch (error) {
      if (error instanceof JetStreamApiError && error.status !== SERVICE_UNAVAILABLE) throw error;
      if (isViolation(error)) throw new AccessRefusedError(error.message, { cause: error });
      throw new EventingUnavailableError('NATS did not answer', { cause: error });
    }
    if (answer === undefined) throw new EventingUnavailableError('the connection was lost before the answer');
    return answer;
  }

  /** Resolves when connected; rejects after `timeoutMs`, or at once when aborted or closed. */
  async whenConnected(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.isConnected()) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void) => {
        stop();
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const away = () => settle(() => reject(new EventingUnavailableError('NATS is away')));
      const onAbort = () => settle(() => reject(signal?.reason));
      const stop = this.onInterruption(() => (this.nc.isClosed() ? away() : settle(resolve)));
      const timer = setTimeout(away, this.nc.isClosed() ? 0 : timeoutMs);
      signal?.addEventListener('abort', onAbort);
    });
  }

  /** Sends what is under way and closes, in two seconds at most. */
  async close(): Promise<void> {
    if (this.nc.isClosed()) return;
    const limit = setTimeout(() => void this.nc.close(), this.connected ? CLOSE_LIMIT_MS : 0);
    try {
      await Promise.race([this.nc.isDraining() || !this.connected ? this.closed : this.nc.drain(), this.closed]);
    } catch (error) {
      this.log.debug({ err: error }, 'the connection was lost while closing');
      await this.nc.close();
    } finally {
      clearTimeout(limit);
    }
  }

  assertVersion(): void {
    const version = this.nc.info?.version ?? '0.0.0';
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const [oldestMajor, oldestMinor] = OLDEST_SERVER;
    if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
    const error = new TopologyError(`NATS ${version} is too old: ${OLDEST_SERVER.join('.')} or newer is needed`);
    void this.nc.close();
    throw error;
  }

  private onInterruption(listener: () => void): () => void {
    this.interruptions.add(listener);
    return () => void this.interruptions.delete(listener);
  }

  private async followStatus(): Promise<void> {
    for await (const status of this.nc.status()) this.onStatus(status);
  }

  private onStatus(status: Status): void {
    if (status.type === 'disconnect' || status.type === 'staleConnection') this.connected = false;
    if (status.type === 'error') this.log.error({ err: status.error }, 'NATS refused something');
    if (status.type === 'disconnect') this.log.warn('NATS connection lost');
    if (status.type !== 'reconnect') return;
    this.connected = true;
    this.log.info({ server: status.server }, 'NATS connection is back');
    this.tell(this.reconnectListeners);
    this.tell(this.interruptions);
  }

  private tell(listeners: ReadonlySet<() => void>): void {
    for (const listener of [...listeners]) {
      try {
        listener();
      } catch (error) {
        this.log.error({ err: error }, 'a listener of the NATS connection failed');
      }
    }
  }
}

function isViolation(error: unknown): error is Error {
  return error instanceof Error && error.cause instanceof errors.PermissionViolationError;
}
