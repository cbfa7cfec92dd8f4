/** The first connection to NATS: waited for however long it takes, and never in silence. */
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  errors,
  type NatsConnection,
  nkeyAuthenticator,
} from '@nats-io/transport-node';
import { inboxPrefix, type ServiceName } from '#contracts/rights.js';
import type { Log } from '#service-kit/log.js';
import { AccessRefusedError } from './errors.js';
import { pause } from './pause.js';

export interface BusOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly url: string;
  /** An nkey seed (`SU…`) or the text of a `.creds` file. */
  readonly credentials?: string;
  readonly service: ServiceName;
  readonly log: Log;
  /** Gives up waiting for the first server. */
  readonly signal?: AbortSignal;
}

const RECONNECT_WAIT_MS = 200;
const RETRY_MS = { first: 100, most: 2_000 };
/** For one try to connect. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Tries until a server is there and logs each try that fails. Rejects with `AccessRefusedError` or when aborted. */
export async function firstConnection(options: BusOptions): Promise<NatsConnection> {
  const settings = settingsFor(options);
  for (let waitMs = RETRY_MS.first; ; waitMs = Math.min(waitMs * 2, RETRY_MS.most)) {
    try {
      return withAllServers(await connect(settings), serversOf(options));
    } catch (error) {
      if (error instanceof errors.AuthorizationError && !wasTooSlow(error)) throw refused(options, error);
      options.log.warn({ err: error }, 'NATS cannot be reached yet');
    }
    await pause(waitMs, options.signal);
  }
}

function settingsFor(options: BusOptions): ConnectionOptions {
  return {
    servers: serversOf(options),
    name: options.service,
    inboxPrefix: inboxPrefix(options.service),
    authenticator: options.credentials ? authenticatorFor(options.credentials) : undefined,
    timeout: CONNECT_TIMEOUT_MS,
    // After the first connection it reconnects for ever, also while the server takes its users anew.
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_WAIT_MS,
    pingInterval: 5_000,
    maxPingOut: 2,
    noAsyncTraces: true,
  };
}

function serversOf({ url }: BusOptions): string[] {
  return url.split(',').map((server) => server.trim());
}

/** The client forgets those that were away when it first connected; later it may need them. */
function withAllServers(nc: NatsConnection, configured: string[]): NatsConnection {
  if (configured.length > 1) nc.setServers(configured);
  return nc;
}

function authenticatorFor(credentials: string): Authenticator {
  const bytes = new TextEncoder().encode(credentials.trim());
  const authenticator = credentials.includes('-----BEGIN') ? credsAuthenticator(bytes) : nkeyAuthenticator(bytes);
  try {
    // Within the client a malformed seed would only show as a time-out.
    authenticator('nonce');
  } catch (error) {
    throw new AccessRefusedError('the NATS credentials are neither an nkey seed nor a .creds file', { cause: error });
  }
  return authenticator;
}

/** The server had no answer to its challenge in time: one of the two was busy, which says nothing of the credentials. */
function wasTooSlow(error: Error): boolean {
  return /authentication timeout/i.test(error.message);
}

function refused({ service, credentials }: BusOptions, cause: Error): AccessRefusedError {
  const what = credentials ? 'the credentials' : 'a connection without credentials';
  return new AccessRefusedError(`NATS refuses ${what} of ${service}`, { cause });
}
