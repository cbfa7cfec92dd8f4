/** The real platform for one measurement: the launcher's servers, durable, and the services as it runs them. */
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createUser } from '@nats-io/nkeys';
import { RIGHTS, type ServiceName } from '#contracts/rights.js';
import { signToken } from '#launcher/access-token.js';
import { freePort } from '#launcher/free-port.js';
import { natsAuthorization } from '#launcher/nats-authorization.js';
import { locateNatsServer } from '#launcher/nats-binary.js';
import { type NatsServer, startNatsServer } from '#launcher/nats-server.js';
import { type PostgresServer, startPostgres } from '#launcher/postgres-server.js';
import {
  ASSET_URL_SECRET,
  natsUsers,
  RECEIPT_SIGNING_KEY,
  SecretFolder,
  TOKEN_SECRET,
  WEBHOOK_SECRET,
} from '#launcher/secrets.js';
import { ServiceProcess } from '#launcher/service-process.js';
import { type LaunchedService, nodeFlags, type PlatformFacts, serviceEnvironment } from '#launcher/services.js';
import { type BenchFolder, benchFolder, CACHE, ROOT } from './bench-folder.js';

export interface PlatformOptions {
  /** How long the preview engine takes for a job, in ms; default 0. */
  readonly previewMs?: number;
}

/** Nobody waits for the benchmark's own limits: 100,000 waiting jobs are the point of one of them. */
const NO_LIMITS = { MAX_QUEUE_DEPTH: '10000000', MAX_QUEUED_PER_USER: '10000', INITIAL_CREDITS: '1000000' };

interface Servers {
  readonly nats: NatsServer;
  readonly postgres: PostgresServer;
  readonly authorization: string;
  readonly facts: PlatformFacts;
  /** The nkey of a NATS user that may do everything. */
  readonly observerSeed: string;
}

export class BenchPlatform {
  private readonly services = new Set<ServiceProcess>();
  private readonly names = new Map<ServiceProcess, string>();

  private constructor(
    private readonly folder: BenchFolder,
    private servers: Servers,
    private readonly options: PlatformOptions,
  ) {}

  /** Servers only; the services are started one by one. */
  static async start(options: PlatformOptions = {}): Promise<BenchPlatform> {
    const folder = await benchFolder();
    return new BenchPlatform(folder, await startServers(folder.path), options);
  }

  get nats(): NatsServer {
    return this.servers.nats;
  }

  get natsUrl(): string {
    return this.servers.nats.url;
  }

  get observerSeed(): string {
    return this.servers.observerSeed;
  }

  get databaseUrl(): string {
    return this.servers.postgres.url;
  }

  /** Where the gateway listens, or whoever takes its place. */
  get url(): string {
    return this.servers.facts.publicUrl;
  }

  get tokenSecret(): string {
    return this.servers.facts.tokenSecret;
  }

  /** File with the key of a service's NATS user. */
  credentialsOf(service: LaunchedService): string {
    return this.servers.facts.natsCreds[service] ?? '';
  }

  /** The processes by name, the servers among them; several workers have one name. */
  processes(): readonly { readonly name: string; readonly pid: number }[] {
    const services = [...this.services].map((service) => ({
      name: this.names.get(service) ?? '',
      pid: service.pid ?? 0,
    }));
    return [...services, { name: 'nats-server', pid: this.servers.nats.pid }];
  }

  token(user: string): Promise<string> {
    return signToken({ secret: this.tokenSecret, user, lifetimeSeconds: 3_600 });
  }

  /** Starts a service and waits until it does its work. */
  async startService(name: LaunchedService): Promise<ServiceProcess> {
    const own = {
      PATH: process.env.PATH,
      LOG_LEVEL: 'warn',
      ...NO_LIMITS,
      RATE_LIMIT: '0',
      PREVIEW_DURATION_MS: String(this.options.previewMs ?? 0),
      // For profiles of the services: --cpu-prof --cpu-prof-dir=….
      NODE_OPTIONS: process.env.BENCH_NODE_OPTIONS,
    };
    const environment = serviceEnvironment(name, this.servers.facts, own);
    const entry = join(ROOT, 'dist/services', name, 'src/main.js');
    const service = new ServiceProcess({ name, entry, cwd: ROOT, environment, nodeFlags: nodeFlags(name) });
    this.services.add(service);
    this.names.set(service, name);
    const logFile = join(this.folder.path, `${name}.log`);
    for (const output of service.outputs) output.pipe(createWriteStream(logFile, { flags: 'a' }));
    await Promise.race([service.ready, service.ended.then(() => diedEarly(name, logFile))]);
    return service;
  }

  async stopService(service: ServiceProcess): Promise<void> {
    this.services.delete(service);
    await service.stop(() => undefined);
  }

  /**
   * Runs `fill` on a server that flushes now and then, which is ten times faster, and starts it anew as it is in
   * production: what was filled in is on the disk by then.
   */
  async whileFast(fill: () => Promise<void>): Promise<void> {
    await this.changeNats('2m');
    await fill();
    await this.changeNats('always');
  }

  async close(): Promise<void> {
    await Promise.all([...this.services].map((service) => this.stopService(service)));
    await this.servers.nats.stop();
    await this.servers.postgres.stop();
    await this.folder.remove();
  }

  private async changeNats(syncInterval: string): Promise<void> {
    const { authorization, nats } = this.servers;
    await nats.stop();
    const changed = await runNats(this.folder.path, { authorization, port: nats.port, syncInterval });
    this.servers = { ...this.servers, nats: changed };
  }
}

async function startServers(folder: string): Promise<Servers> {
  const secrets = new SecretFolder(join(folder, 'secrets'));
  const users = await natsUsers(secrets);
  const observer = createUser();
  const publicKeys = { ...mapValues(users, (user) => user.publicKey), observer: observer.getPublicKey() };
  const everything = { publish: ['>'], subscribe: ['>'], allowResponses: true };
  const authorization = natsAuthorization({ ...RIGHTS, observer: everything }, publicKeys);
  const [nats, postgres, port] = await Promise.all([
    runNats(folder, { authorization, syncInterval: 'always' }),
    startPostgres({ dataDir: join(folder, 'postgres') }),
    freePort(),
  ]);
  const facts: PlatformFacts = {
    ...{ host: '127.0.0.1', port, publicUrl: `http://127.0.0.1:${port}` },
    ...{ natsUrl: nats.url, natsCreds: mapValues(users, (user) => user.seedFile), databaseUrl: postgres.url },
    assetStore: `file:${join(folder, 'assets')}`,
    assetUrlSecret: await secrets.readOrMake(ASSET_URL_SECRET),
    tokenSecret: await secrets.readOrMake(TOKEN_SECRET),
    webhookSecret: await secrets.readOrMake(WEBHOOK_SECRET),
    receiptSigningKey: await secrets.readOrMake(RECEIPT_SIGNING_KEY),
  };
  return { nats, postgres, authorization, facts, observerSeed: new TextDecoder().decode(observer.getSeed()) };
}

async function runNats(
  folder: string,
  options: { authorization: string; port?: number; syncInterval: string },
): Promise<NatsServer> {
  const { path } = await locateNatsServer({ cacheDir: CACHE, log: () => undefined });
  return startNatsServer({ binary: path, storeDir: join(folder, 'nats'), ...options });
}

async function diedEarly(name: string, logFile: string): Promise<never> {
  const log = await readFile(logFile, 'utf8');
  throw new Error(`${name} ended before it was ready:\n${log.split('\n').slice(-15).join('\n')}`);
}

function mapValues<V, W>(from: Record<ServiceName, V>, change: (value: V) => W): Record<ServiceName, W> {
  const entries = Object.entries(from).map(([name, value]) => [name, change(value)] as const);
  return Object.fromEntries(entries) as Record<ServiceName, W>;
}
