import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { unlessMissing } from '#service-kit/file-errors.js';
import { freePort } from './free-port.js';
import { claim, readPid, type ServerTraces, stopLeftOver } from './left-over.js';
import { pollUntil } from './poll.js';
import { makeReachable } from './postgres-account.js';
import { POSTGRES_USER, type PostgresCluster, prepareCluster } from './postgres-cluster.js';
import { findProcess } from './process-table.js';
import { ServerProcess } from './server-process.js';

/** How to run PostgreSQL. */
export interface PostgresOptions {
  /** The server's own folder: data, password and log. Created when missing; may lie where only root can go. */
  dataDir: string;
  /** Undefined or 0 takes a free one. */
  port?: number;
  /** Default `127.0.0.1`: not reachable from other machines. There is no Unix socket. */
  host?: string;
  /** The database that `url` names; created with the data folder. Default `ourvidz`. */
  database?: string;
  /** False gives up safety against power failures for speed. For tests. */
  durable?: boolean;
  /** Further settings of `postgresql.conf`, such as `{ max_connections: '300' }`. */
  settings?: Record<string, string>;
  /** Sent to the server when this process dies without stopping it; default SIGINT (an orderly, fast shutdown). */
  orphanSignal?: NodeJS.Signals;
  /** Told when a data folder is created and when a left-over server is stopped. */
  log?: (message: string) => void;
}

interface Running {
  process: ServerProcess;
  port: number;
}

const START_TIMEOUT_MS = 60_000;

/** A PostgreSQL server that this process runs. */
export class PostgresServer {
  readonly #options: PostgresOptions;
  readonly #cluster: PostgresCluster;
  #running: Running;

  /** Use {@link startPostgres}. */
  constructor(options: PostgresOptions, cluster: PostgresCluster, running: Running) {
    this.#options = options;
    this.#cluster = cluster;
    this.#running = running;
  }

  /** `postgresql://user:password@host:port/database`; the password is the random one of the data folder. */
  get url(): string {
    const { database, host } = withDefaults(this.#options);
    return `postgresql://${POSTGRES_USER}:${this.#cluster.password}@${host}:${this.port}/${encodeURIComponent(database)}`;
  }

  /** Stays the same over restarts. */
  get port(): number {
    return this.#running.port;
  }

  /** Process id of the postmaster; another one after a restart. */
  get pid(): number {
    return this.#running.process.pid;
  }

  /** Whether the postmaster is there. A paused one is. */
  get running(): boolean {
    return this.#running.process.running;
  }

  /** Settles when the current process has ended, whoever ended it. */
  ended(): Promise<void> {
    return this.#running.process.ended();
  }

  /** Shuts down in order; open transactions are rolled back. */
  async stop(): Promise<void> {
    await this.#running.process.stop('SIGINT');
  }

  /** Ends the postmaster without warning, as a crash would, and waits until it is gone. */
  async kill(signal: 'SIGKILL' | 'SIGQUIT' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#running.process.signal(signal);
    await this.ended();
  }

  /** Starts again on the same port and data; a running server is stopped first. */
  async restart(): Promise<void> {
    await this.stop();
    this.#running = await launch(this.#cluster, { ...withDefaults(this.#options), port: this.port });
  }
}

/**
 * Starts PostgreSQL and waits until it takes connections; makes the data folder at the first start. A server that an
 * earlier, killed run left on the same folder is stopped first. It ends with this process, however this process ends.
 *
 * @throws with the server's last words when it does not come up, for example because the port is taken
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const complete = withDefaults(options);
  const cluster = await prepareCluster(complete);
  return new PostgresServer(options, cluster, await launch(cluster, complete));
}

type CompleteOptions = ReturnType<typeof withDefaults>;

function withDefaults(options: PostgresOptions) {
  const defaults = { host: '127.0.0.1', database: 'ourvidz', durable: true, log: () => undefined };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...defaults, ...(given as PostgresOptions), dataDir: resolve(options.dataDir) };
}

async function launch(cluster: PostgresCluster, options: CompleteOptions): Promise<Running> {
  const traces = tracesOf(cluster, options.dataDir);
  await stopLeftOver(traces, options.log);
  await forgetStrangersLock(traces);
  await claim(traces);
  if (options.port) return launchOn(options.port, cluster, options);
  return launchOnFreePort(cluster, options);
}

function tracesOf({ folder }: PostgresCluster, dataDir: string): ServerTraces {
  return {
    name: 'PostgreSQL server',
    folder: dataDir,
    pidFile: join(folder, 'postmaster.pid'),
    ownerFile: join(dataDir, 'owner.pid'),
    marker: clusterName(dataDir),
    stopSignal: 'SIGINT',
  };
}

/** A name for the command line that says which data folder the server holds, also when it entered by a descriptor. */
function clusterName(dataDir: string): string {
  return `ourvidz-${createHash('sha256').update(dataDir).digest('hex').slice(0, 24)}`;
}

/** After a crash the lock's process id may belong to some other program by now, and PostgreSQL would not start. */
async function forgetStrangersLock({ pidFile }: ServerTraces): Promise<void> {
  const pid = await readPid(pidFile);
  const holder = pid === undefined ? undefined : await findProcess(pid);
  if (holder && !/postgres|postmaster/.test(holder.command)) await rm(pidFile, { force: true });
}

const PORT_ATTEMPTS = 5;

/** The free port may be taken by somebody else before PostgreSQL listens on it. */
async function launchOnFreePort(cluster: PostgresCluster, options: CompleteOptions): Promise<Running> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launchOn(await freePort(options.host), cluster, options);
    } catch (error) {
      const taken = error instanceof Error && /Address already in use/i.test(error.message);
      if (!taken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

const LEFT_OVER_BACKENDS = /pre-existing shared memory block .* is still in use/;

/** Children of a killed postmaster take a moment to notice that it is gone. */
async function launchOn(port: number, cluster: PostgresCluster, options: CompleteOptions): Promise<Running> {
  return pollUntil('the end of the killed server’s children', START_TIMEOUT_MS, async () => {
    try {
      return { port, process: await launchOnce(port, cluster, options) };
    } catch (error) {
      if (error instanceof Error && LEFT_OVER_BACKENDS.test(error.message)) return undefined;
      throw error;
    }
  });
}

async function launchOnce(port: number, cluster: PostgresCluster, options: CompleteOptions): Promise<ServerProcess> {
  const reachable = await makeReachable(cluster.account, [cluster.folder]);
  try {
    const process = await ServerProcess.spawn({
      name: 'PostgreSQL',
      program: cluster.binaries.postgres,
      args: ['-D', ...reachable.names, ...settingsOf(port, options).flatMap((setting) => ['-c', setting])],
      cwd: '/',
      logFile: join(options.dataDir, 'postgres.log'),
      account: cluster.account && { uid: cluster.account.uid, gid: cluster.account.gid },
      descriptors: reachable.descriptors,
      orphanSignal: options.orphanSignal ?? 'SIGINT',
    });
    return await untilReady(process, tracesOf(cluster, options.dataDir));
  } finally {
    reachable.close();
  }
}

/** Without these, a crash of the machine can lose or damage the data. */
const FAST_AND_FRAGILE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

function settingsOf(port: number, { host, dataDir, durable, settings }: CompleteOptions): string[] {
  const all = {
    listen_addresses: host,
    port: String(port),
    unix_socket_directories: '',
    cluster_name: clusterName(dataDir),
    ...(durable ? {} : FAST_AND_FRAGILE),
    ...settings,
  };
  return Object.entries(all).map(([name, value]) => `${name}=${value}`);
}

async function untilReady(process: ServerProcess, { pidFile }: ServerTraces): Promise<ServerProcess> {
  try {
    await pollUntil('PostgreSQL', START_TIMEOUT_MS, async () => {
      await process.assertRunning();
      return (await saysReady(pidFile, process.pid)) || undefined;
    });
    return process;
  } catch (error) {
    await process.stop('SIGQUIT');
    throw error;
  }
}

/** PostgreSQL writes its state to the eighth line of its lock file; `pg_ctl --wait` looks there as well. */
async function saysReady(pidFile: string, pid: number): Promise<boolean> {
  const lines = (await unlessMissing(readFile(pidFile, 'utf8')))?.split('\n') ?? [];
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}
