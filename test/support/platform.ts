import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createUser } from '@nats-io/nkeys';
import { SignJWT } from 'jose';
import { RIGHTS, SERVICE_NAMES, type ServiceName } from '#contracts/rights.js';
import { natsAuthorization } from '#launcher/nats-authorization.js';
import { type ScratchFolder, scratchFolder } from './scratch-folder.js';
import { type OwnNatsOptions, type OwnTestNats, testNats, testPostgres } from './servers.js';

/** How a test wants its platform. */
export interface PlatformOptions {
  /** sdxl-workers to start with; default 1. */
  workers?: number;
  /** How long the preview engine takes for a job, in ms; default 0. */
  previewMs?: number;
  /** Further environment of every service. */
  environment?: Record<string, string>;
  /** A database of the test's own, instead of a fresh one on the shared server. */
  databaseUrl?: string;
  /** How NATS runs; by default it flushes nothing to the disk, which is fastest. */
  nats?: OwnNatsOptions;
}

/** A service process that may not be ready yet. */
export interface StartingService {
  readonly child: ChildProcess;
  /** Resolves with the address that it announced, if any; rejects when it ends before it is ready. */
  readonly ready: Promise<string | undefined>;
}

/** A service process. */
export interface ServiceProcess {
  readonly name: ServiceName;
  readonly child: ChildProcess;
  /** What it announced when it was ready. */
  readonly url?: string;
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<void>;
}

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const LOG_LINES_KEPT = 200;

/** The real services as processes, each with its own NATS user, on servers of the test's own. */
export class Platform {
  readonly jwtSecret = randomBytes(32).toString('hex');
  readonly running = new Set<ServiceProcess>();
  /** The last lines that each service wrote, for failing tests. */
  readonly output: string[] = [];
  private gatewayUrl = '';

  private constructor(
    readonly nats: OwnTestNats,
    readonly databaseUrl: string,
    readonly folder: ScratchFolder,
    private readonly seeds: ReadonlyMap<ServiceName, string>,
    private readonly options: PlatformOptions,
    private readonly dropDatabase: () => Promise<void>,
  ) {}

  /** Starts the servers, and no service. */
  static async prepare(options: PlatformOptions = {}): Promise<Platform> {
    const folder = await scratchFolder();
    const { authorization, seeds } = await nkeyUsers(folder.path);
    const nats = await testNats({ ...options.nats, authorization });
    const database = options.databaseUrl ? undefined : await testPostgres();
    const url = options.databaseUrl ?? database?.url ?? '';
    return new Platform(nats, url, folder, seeds, options, async () => database?.close());
  }

  /** Starts everything and waits until all of it is ready. */
  static async start(options: PlatformOptions = {}): Promise<Platform> {
    const platform = await Platform.prepare(options);
    const workers = Array.from({ length: options.workers ?? 1 }, () => platform.startWorker());
    await Promise.all([platform.startService('jobs'), platform.startGateway(), ...workers]);
    return platform;
  }

  get url(): string {
    return this.gatewayUrl;
  }

  get assets(): string {
    return join(this.folder.path, 'assets');
  }

  async startGateway(environment: Record<string, string> = {}): Promise<ServiceProcess> {
    const gateway = await this.startService('gateway', environment);
    this.gatewayUrl = gateway.url ?? '';
    return gateway;
  }

  startWorker(environment: Record<string, string> = {}): Promise<ServiceProcess> {
    return this.startService('sdxl-worker', environment);
  }

  async startService(name: ServiceName, environment: Record<string, string> = {}): Promise<ServiceProcess> {
    const { child, ready } = this.spawnService(name, environment);
    const url = await ready;
    const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
      this.running.delete(service);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    };
    const service: ServiceProcess = { name, child, url, end };
    this.running.add(service);
    return service;
  }

  /** Starts a service whose end is the caller's business. */
  spawnService(name: ServiceName, environment: Record<string, string> = {}): StartingService {
    const script = join(REPOSITORY, 'dist', 'services', name, 'src', 'main.js');
    const child = spawn(process.execPath, ['--enable-source-maps', script], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { PATH: process.env.PATH, ...this.environmentOf(name), ...environment },
    });
    this.keepOutput(name, child);
    return { child, ready: this.ready(name, child) };
  }

  /** The file with the NATS credentials of a service. */
  credentialsOf(name: ServiceName): string {
    return this.seeds.get(name) ?? '';
  }

  /** A token of a user, as an identity provider would make it. */
  token(user: string, claims: Record<string, unknown> = {}): Promise<string> {
    const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).setSubject(user).setExpirationTime('1h');
    return jwt.sign(new TextEncoder().encode(this.jwtSecret));
  }

  /** A request as a user. A body is sent as JSON. */
  async fetch(
    path: string,
    init: { user?: string; method?: string; body?: unknown; headers?: Record<string, string> } = {},
  ) {
    const { user = 'alice', body, method = body === undefined ? 'GET' : 'POST' } = init;
    const headers: Record<string, string> = { authorization: `Bearer ${await this.token(user)}`, ...init.headers };
    if (body !== undefined) headers['content-type'] = 'application/json';
    return fetch(new URL(path, this.url), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.running].map((service) => service.end()));
    await this.nats.close();
    await this.dropDatabase();
    await this.folder.remove();
  }

  private environmentOf(name: ServiceName): Record<string, string> {
    const common = { NATS_URL: this.nats.url, NATS_CREDS: this.credentialsOf(name), ...this.options.environment };
    const store = { ASSET_STORE: `file:${this.assets}` };
    switch (name) {
      case 'gateway':
        // A test is one user who asks a lot.
        return {
          RATE_LIMIT: '0',
          INITIAL_CREDITS: '1000000',
          MAX_QUEUED_PER_USER: '10000',
          ...common,
          ...store,
          PORT: '0',
          AUTH_JWT_SECRET: this.jwtSecret,
          ASSET_URL_SECRET: this.jwtSecret,
        };
      case 'jobs':
        return { ...common, DATABASE_URL: this.databaseUrl, PUBLIC_URL: 'http://ourvidz.test' };
      default:
        return { ...common, ...store, PREVIEW_DURATION_MS: String(this.options.previewMs ?? 0) };
    }
  }

  private async ready(name: ServiceName, child: ChildProcess): Promise<string | undefined> {
    const [message] = await Promise.race([
      once(child, 'message') as Promise<[{ url?: string }]>,
      once(child, 'exit').then(() => this.diedEarly(name)),
    ]);
    return message.url;
  }

  private diedEarly(name: string): never {
    throw new Error(`${name} ended before it was ready:\n${this.output.join('')}`);
  }

  private keepOutput(name: string, child: ChildProcess): void {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output.push(`${name}: ${chunk}`);
        if (this.output.length > LOG_LINES_KEPT) this.output.shift();
      });
    }
  }
}

async function nkeyUsers(folder: string) {
  const seeds = new Map<ServiceName, string>();
  const publicKeys = {} as Record<ServiceName, string>;
  for (const name of SERVICE_NAMES) {
    const user = createUser();
    const path = join(folder, `${name}.nk`);
    await writeFile(path, user.getSeed(), { mode: 0o600 });
    seeds.set(name, path);
    publicKeys[name] = user.getPublicKey();
  }
  return { authorization: natsAuthorization(RIGHTS, publicKeys), seeds };
}
