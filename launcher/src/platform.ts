import type { WriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeConnection } from '#service-kit/connection-file.js';
import { choosePort, localUrl } from './api-address.js';
import { openLogFile } from './log-file.js';
import { LEVELS } from './log-record.js';
import { ASSET_URL_SECRET, RECEIPT_SIGNING_KEY, SecretFolder, TOKEN_SECRET, WEBHOOK_SECRET } from './secrets.js';
import { type Database, type Nats, startDatabase, startNats } from './servers.js';
import type { ServiceCommand } from './service-process.js';
import { ServiceView } from './service-view.js';
import { LAUNCHED, type LaunchedService, nodeFlags, type PlatformFacts, serviceEnvironment } from './services.js';
import { type LauncherSettings, secretFolderOf } from './settings.js';
import { SupervisedServer } from './supervised-server.js';
import { SupervisedService } from './supervised-service.js';
import type { Terminal } from './terminal.js';

/** The compiled checkout: this file is `dist/launcher/src/platform.js`. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** These start as soon as there is NATS. */
const WITHOUT_DATABASE = LAUNCHED.filter((service) => service !== 'jobs');

/** When a start takes longer, it tells what it waits for. */
const PATIENCE_MS = 15_000;

/** A platform that does its work. */
export interface RunningPlatform {
  /** Where this machine reaches the API. */
  url: string;
  publicUrl: string;
  tokenSecret: string;
  assetStore: string;
}

/** What has to be known before the first server starts. */
type Prepared = Omit<PlatformFacts, 'natsUrl' | 'natsCreds'> & {
  logs: Record<LaunchedService, WriteStream>;
};

/** The servers and services of one data folder. */
export class Platform {
  readonly #secrets: SecretFolder;
  readonly #services = new Map<LaunchedService, SupervisedService>();
  /** In the order in which they are stopped. */
  readonly #servers: { nats?: SupervisedServer; database?: SupervisedServer } = {};
  #starting: Promise<unknown>[] = [];
  #stopping = false;

  constructor(
    private readonly settings: LauncherSettings,
    private readonly terminal: Terminal,
  ) {
    this.#secrets = new SecretFolder(secretFolderOf(settings.dataDir));
  }

  /**
   * Starts everything, each part as early as it can, and waits until all of it does its work.
   *
   * @throws when a server does not start or a service gives up; what runs then is to be stopped by the caller
   */
  async start(): Promise<RunningPlatform> {
    const prepared = await this.#prepare();
    const surroundings = { secrets: this.#secrets, say: (message: string) => this.terminal.say(message) };
    const nats = this.#startServer('nats', 'NATS', 'SIGKILL', startNats(this.settings, surroundings));
    // PostgreSQL's own way to end at once.
    const database = this.#startServer('database', 'PostgreSQL', 'SIGQUIT', startDatabase(this.settings, surroundings));
    this.#starting = [nats, database];
    await Promise.all([
      nats.then((started) => this.#startServices(WITHOUT_DATABASE, { ...prepared, ...natsFacts(started) })),
      Promise.all([nats, database]).then(([started, { url }]) => {
        this.#startServices(['jobs'], { ...prepared, ...natsFacts(started), databaseUrl: url });
        return this.#tellTools(prepared, started, url);
      }),
    ]);
    await this.#untilReady();
    const { publicUrl, tokenSecret, assetStore } = prepared;
    return { url: localUrl(prepared.host, prepared.port), publicUrl, tokenSecret, assetStore };
  }

  async #untilReady(): Promise<void> {
    const waiting = new Set<string>(this.#services.keys());
    const patience = setTimeout(() => {
      const logs = join(this.settings.dataDir, 'logs');
      this.terminal.warn(`Still starting: ${[...waiting].join(', ')}. What they wait for is in ${logs}`);
    }, PATIENCE_MS);
    const all = [...this.#services].map(([name, { ready }]) => ready.then(() => waiting.delete(name)));
    await Promise.all(all).finally(() => clearTimeout(patience));
  }

  /** Ends everything in order: services, then NATS, then PostgreSQL. */
  async stop(): Promise<void> {
    this.#stopping = true;
    // What is just starting is stopped when it has come up; its own failure was told by `start`.
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#services.values()].map((service) => service.stop()));
    await this.#servers.nats?.stop();
    await this.#servers.database?.stop();
  }

  /** Ends everything at once. */
  kill(): void {
    this.#stopping = true;
    for (const service of this.#services.values()) service.kill();
    void this.#servers.nats?.kill();
    void this.#servers.database?.kill();
  }

  async #prepare(): Promise<Prepared> {
    const {
      dataDir,
      host,
      port: wanted,
      publicUrl,
      tokenSecret,
      assetUrlSecret,
      webhookSecret,
      receiptSigningKey,
      assetStore,
    } = this.settings;
    const port = await choosePort(host, wanted);
    const logs = LAUNCHED.map(async (service) => [service, await this.#openLog(service)] as const);
    return {
      host,
      port,
      publicUrl: publicUrl ?? localUrl(host, port),
      tokenSecret: tokenSecret ?? (await this.#secrets.readOrMake(TOKEN_SECRET)),
      assetUrlSecret: assetUrlSecret ?? (await this.#secrets.readOrMake(ASSET_URL_SECRET)),
      webhookSecret: webhookSecret ?? (await this.#secrets.readOrMake(WEBHOOK_SECRET)),
      receiptSigningKey: receiptSigningKey ?? (await this.#secrets.readOrMake(RECEIPT_SIGNING_KEY)),
      assetStore: assetStore ?? `file:${join(dataDir, 'assets')}`,
      logs: Object.fromEntries(await Promise.all(logs)) as Prepared['logs'],
    };
  }

  #openLog(service: LaunchedService): Promise<WriteStream> {
    const path = join(this.settings.dataDir, 'logs', `${service}.log`);
    return openLogFile(path, (error) => this.terminal.warn(`${path} is not written any more: ${error.message}`));
  }

  async #startServer<Started extends Nats | Database>(
    place: 'nats' | 'database',
    name: string,
    killSignal: NodeJS.Signals,
    starting: Promise<Started>,
  ): Promise<Started> {
    const started = await starting;
    const report = (message: string) => this.terminal.warn(message);
    if (started.own) this.#servers[place] = new SupervisedServer(name, started.own, killSignal, report);
    return started;
  }

  #startServices(names: readonly LaunchedService[], facts: Prepared & PlatformFacts): void {
    if (this.#stopping) return;
    for (const name of names) {
      const environment = serviceEnvironment(name, facts, this.settings.environment);
      const command = {
        name,
        entry: join(ROOT, 'dist/services', name, 'src/main.js'),
        nodeFlags: nodeFlags(name),
        cwd: ROOT,
        environment,
      };
      this.#services.set(name, this.#supervise(command, facts.logs[name]));
    }
  }

  #supervise(command: ServiceCommand, log: WriteStream): SupervisedService {
    return new SupervisedService(command, {
      started: ({ outputs, ready }) => {
        const view = this.#viewOf(command.name);
        for (const output of outputs) this.terminal.follow(output, view, log);
        void ready.then(() => view.endStart());
      },
      report: (message) => this.terminal.warn(message),
    });
  }

  #viewOf(service: string): ServiceView {
    const { shownLevel, colours } = this.settings;
    return new ServiceView({ service, level: LEVELS[shownLevel], colours });
  }

  #tellTools({ host, port, publicUrl, assetStore }: Prepared, nats: Nats, databaseUrl: string): Promise<void> {
    const { dataDir, tokenSecret, issuer, audience } = this.settings;
    const secretFile = tokenSecret ? null : this.#secrets.fileOf(TOKEN_SECRET);
    return writeConnection(dataDir, {
      pid: process.pid,
      startedAt: new Date().toISOString(),
      api: { url: localUrl(host, port), publicUrl },
      nats: { url: nats.url, credentials: nats.credentials },
      database: { url: databaseUrl },
      assetStore,
      auth: { secretFile, issuer, audience },
    });
  }
}

function natsFacts({ url, credentials }: Nats): Pick<PlatformFacts, 'natsUrl' | 'natsCreds'> {
  return { natsUrl: url, natsCreds: credentials };
}
