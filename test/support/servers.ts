import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { locateNatsServer, type NatsBinary } from '#launcher/nats-binary.js';
import { type NatsCluster, startNatsCluster } from '#launcher/nats-cluster.js';
import { type NatsServer, type NatsServerOptions, startNatsServer } from '#launcher/nats-server.js';
import { localImage } from './docker-engine.js';
import { scratchFolder } from './scratch-folder.js';
import { askSharedServers, takeNatsTurn } from './shared-servers.js';

/** A NATS server without streams. */
export interface TestNats {
  url: string;
  /** Ends the server, or empties it when it is somebody's. Safe to call twice. */
  close(): Promise<void>;
}

/** A NATS server that this test may treat as it likes. */
export interface OwnTestNats extends TestNats {
  /** To restart, kill, pause, … it. */
  server: NatsServer;
  /** The folder with its streams, below `jetstream`. */
  storeDir: string;
}

/** A JetStream cluster that this test may treat as it likes. */
export interface TestNatsCluster {
  cluster: NatsCluster;
  urls: string[];
  close(): Promise<void>;
}

/** An empty PostgreSQL database. */
export interface TestPostgres {
  url: string;
  /** Removes the database, also while somebody is connected to it. Safe to call twice. */
  close(): Promise<void>;
}

/** Options for a server of the test's own. By default nothing is flushed to the disk, which is fastest. */
export type OwnNatsOptions = Omit<NatsServerOptions, 'binary' | 'storeDir' | 'cluster'>;

/**
 * A NATS server for one test file.
 *
 * Without options: the one that the environment names (`TEST_NATS_URL`, else `NATS_URL`), else one in a container, else
 * one started here in some 15 ms. A server from the environment has to be without streams and is left so; the test files
 * take turns on it.
 *
 * With options, `{}` included: a server of the test's own, always started here, which can be restarted and killed.
 *
 * ```ts
 * const nats = await testNats();
 * afterAll(() => nats.close());
 * ```
 */
export async function testNats(): Promise<TestNats>;
export async function testNats(options: OwnNatsOptions): Promise<OwnTestNats>;
export async function testNats(options?: OwnNatsOptions): Promise<TestNats> {
  if (options) return ownNats(options);
  const url = process.env.TEST_NATS_URL ?? process.env.NATS_URL;
  if (url) return natsOfEnvironment(url);
  return (await natsInContainer()) ?? ownNats({});
}

/** A JetStream cluster of three members, each of which can be restarted and killed; up in some 200 ms. */
export async function testNatsCluster(options: OwnNatsOptions & { size?: number } = {}): Promise<TestNatsCluster> {
  const { path } = await natsBinary();
  const folder = await scratchFolder();
  const cluster = await startNatsCluster({ ...forTests(options), binary: path, storeDir: folder.path });
  const close = async () => {
    await cluster.stop();
    await folder.remove();
  };
  return { cluster, urls: cluster.urls, close };
}

/**
 * An empty database. All test files of a run share one server: the one that the environment names (`TEST_DATABASE_URL`,
 * else `DATABASE_URL`, with the right to create databases), else one in a container, else one started in about a second.
 */
export async function testPostgres(): Promise<TestPostgres> {
  const url = await askSharedServers('/database');
  return { url, close: async () => void (await askSharedServers('/database/drop', url)) };
}

/** The `nats-server` program that tests start, for those that do it themselves. */
export function natsBinary(): Promise<NatsBinary> {
  const cacheDir = process.env.OURVIDZ_CACHE_DIR ?? fileURLToPath(new URL('../../.cache', import.meta.url));
  return locateNatsServer({ cacheDir, log: console.log });
}

async function ownNats(options: OwnNatsOptions): Promise<OwnTestNats> {
  const { path } = await natsBinary();
  const folder = await scratchFolder();
  const storeDir = join(folder.path, 'nats');
  const server = await startNatsServer({ ...forTests(options), binary: path, storeDir });
  const close = async () => {
    await server.stop();
    await folder.remove();
  };
  return { url: server.url, server, storeDir, close };
}

function forTests<Options extends OwnNatsOptions>(options: Options) {
  return { syncInterval: '2m', orphanSignal: 'SIGKILL' as const, ...options };
}

async function natsOfEnvironment(url: string): Promise<TestNats> {
  const endTurn = await takeNatsTurn();
  try {
    await startEmpty(url);
  } catch (error) {
    endTurn();
    throw error;
  }
  let open = true;
  const close = async () => {
    // After the turn the streams are another file's.
    if (open) await deleteStreams(url);
    open = false;
    endTurn();
  };
  return { url, close };
}

/** Tests make and delete streams of the names that the platform uses: never on a server that holds somebody's data. */
async function startEmpty(url: string): Promise<void> {
  // TEST_NATS_URL says that the server is there for tests; what is on it is from a run that was killed.
  if (process.env.TEST_NATS_URL) return deleteStreams(url);
  const names = await streamNames(url);
  if (names.length === 0) return;
  throw new Error(
    `The server at NATS_URL holds streams (${names.join(', ')}). Tests need an empty one: set TEST_NATS_URL`,
  );
}

async function streamNames(url: string): Promise<string[]> {
  return onServer(url, async (manager) => {
    const names: string[] = [];
    for await (const name of manager.streams.names()) names.push(name);
    return names;
  });
}

async function deleteStreams(url: string): Promise<void> {
  const names = await streamNames(url);
  await onServer(url, (manager) => Promise.all(names.map((name) => manager.streams.delete(name))));
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

async function onServer<T>(url: string, work: (manager: Manager) => Promise<T>): Promise<T> {
  const connection = await connect({ servers: url });
  try {
    return await work(await jetstreamManager(connection));
  } finally {
    await connection.close();
  }
}

const IMAGES = ['nats:2.15-alpine', 'nats:2.15', 'nats:2.14-alpine', 'nats:2.12-alpine'];

async function natsInContainer(): Promise<TestNats | undefined> {
  const image = await localImage(IMAGES);
  if (!image) return undefined;
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(image)
    .withCommand(['-js'])
    .withExposedPorts(4222)
    .withWaitStrategy(Wait.forLogMessage('Server is ready'))
    .start();
  const url = `nats://${container.getHost()}:${container.getMappedPort(4222)}`;
  return { url, close: async () => void (await container.stop()) };
}
