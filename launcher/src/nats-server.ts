import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { unlessMissing } from '#service-kit/file-errors.js';
import { claim, type ServerTraces, stopLeftOver } from './left-over.js';
import {
  type NatsClusterMember,
  type NatsConfig,
  natsPidFile,
  natsPortsFolder,
  renderNatsConfig,
} from './nats-config.js';
import { pollUntil } from './poll.js';
import { ServerProcess } from './server-process.js';

/** How to run a NATS server. */
export interface NatsServerOptions {
  /** Path of the program, see `locateNatsServer`. */
  binary: string;
  /** The server's own folder: streams, configuration, log and process id. Created when missing. */
  storeDir: string;
  /** Port for clients; undefined or 0 takes a free one. */
  port?: number;
  /** Default `127.0.0.1`: not reachable from other machines. */
  host?: string;
  /** Configuration text that defines users: an `authorization { … }` or `accounts { … }` block. */
  authorization?: string;
  /**
   * When messages are flushed to the disk. `always` (the default) before they are acknowledged, else a duration such as
   * `2m`, after which a power failure can lose acknowledged messages.
   */
  syncInterval?: string;
  /** Makes the server a member of a cluster. */
  cluster?: NatsClusterMember;
  /** Serves `/healthz`, `/jsz`, … on a port of its own. Always on in a cluster. */
  monitoring?: boolean;
  /** Default `nats.log` in `storeDir`. */
  logFile?: string;
  /** Largest message in bytes; the server's default is 1 MiB. */
  maxPayload?: number;
  /** Limits of JetStream's memory and files in bytes; the default depends on the machine. */
  jetstream?: { maxMemory?: number; maxFile?: number };
  /** Sent to the server when this process dies without stopping it; default SIGTERM. */
  orphanSignal?: NodeJS.Signals;
  /** Told when a left-over server is stopped. */
  log?: (message: string) => void;
}

interface Addresses {
  port: number;
  monitoringPort?: number;
}

const START_TIMEOUT_MS = 30_000;

/** A NATS server with JetStream that this process runs. */
export class NatsServer {
  readonly #options: NatsServerOptions;
  #process: ServerProcess;
  readonly #addresses: Addresses;

  /** Use {@link startNatsServer}. */
  constructor(options: NatsServerOptions, process: ServerProcess, addresses: Addresses) {
    this.#options = options;
    this.#process = process;
    this.#addresses = addresses;
  }

  /** `nats://host:port`, without credentials. */
  get url(): string {
    return `nats://${hostOf(this.#options)}:${this.port}`;
  }

  /** The clients' port; stays the same over restarts. */
  get port(): number {
    return this.#addresses.port;
  }

  /** Base address of the HTTP monitoring, when it is on. */
  get monitoringUrl(): string | undefined {
    const port = this.#addresses.monitoringPort;
    return port === undefined ? undefined : `http://${hostOf(this.#options)}:${port}`;
  }

  /** Process id; another one after a restart. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Whether the process is there. A paused one is. */
  get running(): boolean {
    return this.#process.running;
  }

  /** Settles when the current process has ended, whoever ended it. */
  ended(): Promise<void> {
    return this.#process.ended();
  }

  /** Shuts down in order; what is acknowledged is on the disk. */
  async stop(): Promise<void> {
    await this.#process.stop('SIGTERM');
  }

  /** Ends the process without warning, as a crash would, and waits until it is gone. */
  async kill(signal: 'SIGKILL' | 'SIGQUIT' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#process.signal(signal);
    await this.#process.ended();
  }

  /** Freezes the process (SIGSTOP): connections stay open and nobody answers. */
  pause(): void {
    this.#process.signal('SIGSTOP');
  }

  /** Lets a paused process go on (SIGCONT). */
  resume(): void {
    this.#process.signal('SIGCONT');
  }

  /** Starts again on the same ports and streams; a running server is stopped first. */
  async restart(): Promise<void> {
    await this.stop();
    this.#process = (await launch(this.#options, this.#addresses)).process;
  }
}

/**
 * Starts a NATS server with JetStream and waits until it takes connections. A server that an earlier, killed run left on
 * the same folder is stopped first. It ends with this process, however this process ends.
 *
 * @throws with the server's last words when it does not come up, for example because the port is taken
 */
export async function startNatsServer(options: NatsServerOptions): Promise<NatsServer> {
  const wanted: Addresses = {
    port: options.port || -1,
    monitoringPort: options.monitoring || options.cluster ? -1 : undefined,
  };
  const { process, addresses } = await launch(options, wanted);
  return new NatsServer(options, process, addresses);
}

async function launch(options: NatsServerOptions, wanted: Addresses) {
  const folder = resolve(options.storeDir);
  await mkdir(natsPortsFolder(folder), { recursive: true, mode: 0o700 });
  const traces = tracesOf(folder);
  await stopLeftOver(traces, options.log ?? (() => undefined));
  await writeConfig(traces.marker, { ...configOf(options, folder), ...wanted });
  await claim(traces);
  const process = await ServerProcess.spawn(commandOf(options, folder));
  return { process, addresses: await untilReady(process, options, folder) };
}

function tracesOf(folder: string): ServerTraces {
  return {
    name: 'NATS server',
    folder,
    pidFile: natsPidFile(folder),
    ownerFile: join(folder, 'owner.pid'),
    // The whole path of the configuration file is in the command line.
    marker: join(folder, 'nats.conf'),
    stopSignal: 'SIGTERM',
  };
}

function configOf(options: NatsServerOptions, folder: string): Omit<NatsConfig, 'port'> {
  const { authorization, cluster, jetstream, maxPayload, syncInterval = 'always' } = options;
  return { folder, host: hostOf(options), authorization, cluster, jetstream, maxPayload, syncInterval };
}

/** The file may hold passwords: it is created anew, so that nobody else has it open or may read it. */
async function writeConfig(file: string, config: NatsConfig): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, renderNatsConfig(config), { mode: 0o600 });
}

function commandOf(options: NatsServerOptions, folder: string) {
  return {
    name: 'NATS server',
    program: options.binary,
    args: ['-c', tracesOf(folder).marker],
    cwd: folder,
    logFile: options.logFile ?? join(folder, 'nats.log'),
    orphanSignal: options.orphanSignal ?? ('SIGTERM' as const),
  };
}

async function untilReady(process: ServerProcess, options: NatsServerOptions, folder: string): Promise<Addresses> {
  // The server writes this file when it takes connections, and names it after itself and its process id.
  const file = join(natsPortsFolder(folder), `${basename(options.binary)}_${process.pid}.ports`);
  const ready = () => pollUntil('the NATS server', START_TIMEOUT_MS, () => readPorts(file, process));
  try {
    return await ready();
  } catch (error) {
    await process.stop('SIGKILL');
    throw error;
  }
}

async function readPorts(file: string, process: ServerProcess): Promise<Addresses | undefined> {
  await process.assertRunning();
  const text = await unlessMissing(readFile(file, 'utf8'));
  // The server does not write the file in one step.
  if (!text?.trimEnd().endsWith('}')) return undefined;
  const { nats, monitoring } = JSON.parse(text) as { nats?: string[]; monitoring?: string[] };
  const port = portOf(nats?.[0]);
  return port === undefined ? undefined : { port, monitoringPort: portOf(monitoring?.[0]) };
}

function portOf(url: string | undefined): number | undefined {
  return url === undefined ? undefined : Number(new URL(url).port);
}

function hostOf(options: NatsServerOptions): string {
  return options.host ?? '127.0.0.1';
}
