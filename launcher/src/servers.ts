import { join } from 'node:path';
import { RIGHTS, type ServiceName } from '#contracts/rights.js';
import { natsAuthorization } from './nats-authorization.js';
import { locateNatsServer } from './nats-binary.js';
import { startNatsServer } from './nats-server.js';
import { startPostgres } from './postgres-server.js';
import { natsUsers, type SecretFolder } from './secrets.js';
import type { LauncherSettings } from './settings.js';
import type { RestartableServer } from './supervised-server.js';

/** What starting a server needs besides the settings. */
export interface ServerSurroundings {
  secrets: SecretFolder;
  say: (message: string) => void;
}

/** A NATS server and how to be let in. */
export interface Nats {
  url: string;
  /** File with what lets each service in. */
  credentials: Partial<Record<ServiceName, string>>;
  /** The server, when it is our own. */
  own?: RestartableServer;
}

/** A PostgreSQL database. */
export interface Database {
  url: string;
  /** The server, when it is our own. */
  own?: RestartableServer;
}

/** The server that the settings name, else one of our own, which lets in nobody but our services. */
export async function startNats(settings: LauncherSettings, { secrets, say }: ServerSurroundings): Promise<Nats> {
  const users = await natsUsers(secrets);
  const services = Object.keys(users) as ServiceName[];
  const each = <Value>(find: (service: ServiceName) => Value) =>
    Object.fromEntries(services.map((service) => [service, find(service)])) as Record<ServiceName, Value>;
  const { natsUrl, natsCreds, cacheDir, dataDir } = settings;
  if (natsUrl) return { url: natsUrl, credentials: natsCreds ? each(() => natsCreds) : {} };
  const server = await startNatsServer({
    binary: (await locateNatsServer({ cacheDir, log: say })).path,
    storeDir: join(dataDir, 'nats'),
    syncInterval: 'always',
    authorization: natsAuthorization(
      RIGHTS,
      each((service) => users[service].publicKey),
    ),
    log: say,
  });
  return { url: server.url, credentials: each((service) => users[service].seedFile), own: server };
}

/** The database that the settings name, else one on a server of our own. */
export async function startDatabase(settings: LauncherSettings, { say }: ServerSurroundings): Promise<Database> {
  if (settings.databaseUrl) return { url: settings.databaseUrl };
  const server = await startPostgres({ dataDir: join(settings.dataDir, 'postgres'), log: say });
  return { url: server.url, own: server };
}
