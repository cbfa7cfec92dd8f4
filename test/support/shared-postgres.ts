import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '#launcher/postgres-server.js';
import { localImage } from './docker-engine.js';
import { scratchFolder } from './scratch-folder.js';

/** A PostgreSQL server on which tests get databases of their own. */
export interface SharedPostgres {
  /** Makes an empty database; its address. */
  createDatabase(): Promise<string>;
  /** Removes a database, also while somebody is connected to it. */
  dropDatabase(url: string): Promise<void>;
  /** Removes the databases that are left, and the server when it was started here. */
  close(): Promise<void>;
}

interface Server {
  /** Address with the right to create databases. */
  url: string;
  stop(): Promise<void>;
}

const IMAGES = ['postgres:18-alpine', 'postgres:18', 'postgres:17-alpine', 'postgres:17'];

/** The server that the environment names, else one in a container, else one started here. */
export async function sharedPostgres(): Promise<SharedPostgres> {
  const server = serverOfEnvironment() ?? (await serverInContainer()) ?? (await ownServer());
  const admin = new pg.Client(server.url);
  // A server that goes away is noticed by the next query; without a listener it would end vitest.
  admin.on('error', (error) => console.error(`Tests' PostgreSQL: ${error.message}`));
  await admin.connect();
  const databases = new Set<string>();
  return {
    createDatabase: async () => {
      const name = `ourvidz_test_${randomBytes(6).toString('hex')}`;
      await admin.query(`CREATE DATABASE ${name}`);
      databases.add(name);
      return addressOf(server.url, name);
    },
    dropDatabase: async (url) => drop(admin, databases, new URL(url).pathname.slice(1)),
    close: async () => {
      for (const name of [...databases]) await drop(admin, databases, name);
      await admin.end();
      await server.stop();
    },
  };
}

async function drop(admin: pg.Client, databases: Set<string>, name: string): Promise<void> {
  // Only what was created here: the server may be somebody's.
  if (databases.delete(name)) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

function addressOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

function serverOfEnvironment(): Server | undefined {
  const url = process.env.TEST_DATABASE_URL ?? process.env.DATABASE_URL;
  return url ? { url, stop: async () => undefined } : undefined;
}

async function serverInContainer(): Promise<Server | undefined> {
  const image = await localImage(IMAGES);
  if (!image) return undefined;
  const { GenericContainer, Wait } = await import('testcontainers');
  const password = randomBytes(16).toString('hex');
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(['postgres', '-c', 'fsync=off', '-c', 'max_connections=300'])
    .withExposedPorts(5432)
    // The image starts the server a first time to set it up.
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
    .start();
  const url = `postgresql://postgres:${password}@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
  return { url, stop: async () => void (await container.stop()) };
}

async function ownServer(): Promise<Server> {
  const folder = await scratchFolder();
  const server = await startPostgres({
    dataDir: join(folder.path, 'postgres'),
    database: 'postgres',
    durable: false,
    settings: { max_connections: '300' },
    // Immediate, but unlike SIGKILL it leaves no shared memory behind.
    orphanSignal: 'SIGQUIT',
  });
  const stop = async () => {
    await server.stop();
    await folder.remove();
  };
  return { url: server.url, stop };
}
