/** A process's one connection to NATS. Only this room knows the client library. */
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import {
  type Authenticator,
  connect,
  createInbox,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  type Status,
} from '@nats-io/transport-node';
import { inboxPrefix, type ServiceName } from '#contracts/rights.js';
import type { Log } from '#service-kit/log.js';
import { EventingUnavailableError, TopologyError } from './errors.js';

export interface BusOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly url: string;
  /** An nkey seed (`SU…`) or the text of a `.creds` file. */
  readonly credentials?: string;
  readonly service: ServiceName;
  readonly log: Log;
}

/** Older servers silently drop what they do not know: filters, guards over wildcards, republishing. */
const OLDEST_SERVER = [2, 12] as const;
const RECONNECT_WAIT_MS = 200;

/** Waits for the first server however long it takes; rejects when it is too old or refuses the credentials. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const nc = await connect({
    servers: options.url.split(','),
    name: options.service,
    inboxPrefix: inboxPrefix(options.service),
    authenticator: options.credentials ? authenticatorFor(options.credentials) : undefined,
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_WAIT_MS,
    pingInterval: 5_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
  });
  const bus = new Bus(nc, await jetstreamManager(nc, { checkAPI: false }), options);
  bus.assertVersion();
  return bus;
}

function authenticatorFor(credentials: string): Authenticator {
  const bytes = new TextEncoder().encode(credentials.trim());
  return credentials.includes('-----BEGIN') ? credsAuthenticator(bytes) : nkeyAuthenticator(bytes);
}

export class Bus {
  private readonly reconnectListeners = new Set<() => void>();
  private connected = true;
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

  /** Calls the listener after every reconnect; returns what ends that. */
  onReconnect(listener: () => void): () => void {
    this.reconnectListeners.add(listener);
    return () => void this.reconnectListeners.delete(listener);
  }

  /** The answer, or undefined as soon as a reconnect means that none will come. */
  async untilReconnect<T>(answer: Promise<T>): Promise<T | undefined> {
    let stop = () => {};
    const reconnected = new Promise<undefined>((resolve) => {
      stop = this.onReconnect(() => resolve(undefined));
    });
    // When the reconnect wins, nobody waits for the answer's time-out any more.
    answer.catch(() => undefined);
    return Promise.race([answer, reconnected]).finally(stop);
  }

  /** Resolves when connected; rejects after `timeoutMs`, or at once when aborted. */
  async whenConnected(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.isConnected()) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (act: () => void) => {
        stop();
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const onAbort = () => settle(() => reject(signal?.reason));
      const stop = this.onReconnect(() => settle(resolve));
      const timer = setTimeout(() => settle(() => reject(new EventingUnavailableError('NATS is away'))), timeoutMs);
      signal?.addEventListener('abort', onAbort);
    });
  }

  /** Sends what is under way and closes. */
  async close(): Promise<void> {
    if (this.nc.isClosed()) return;
    if (this.connected) await this.nc.drain();
    else await this.nc.close();
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
    for (const listener of [...this.reconnectListeners]) listener();
  }
}
