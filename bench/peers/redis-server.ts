/** A Redis server for one measurement. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '#launcher/free-port.js';
import { pollUntil } from '#launcher/poll.js';
import { ServerProcess } from '#launcher/server-process.js';
import { locateRedis } from './redis-debian.js';

/** When the append-only file is flushed: with every write before it is answered, or once a second. */
export type Fsync = 'always' | 'everysec';

export interface RedisServer {
  readonly port: number;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

export async function startRedis(folder: string, fsync: Fsync): Promise<RedisServer> {
  const { path, libraries } = await locateRedis();
  const port = await freePort();
  const dir = join(folder, 'redis');
  await mkdir(dir, { recursive: true });
  const settings = { bind: '127.0.0.1', port, dir, appendonly: 'yes', appendfsync: fsync, save: '' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = await ServerProcess.spawn({
    name: 'Redis',
    program: '/usr/bin/env',
    args: [...(libraries ? [`LD_LIBRARY_PATH=${libraries}`] : []), path, ...args],
    cwd: dir,
    logFile: join(dir, 'redis.log'),
    orphanSignal: 'SIGKILL',
  });
  await pollUntil('Redis', START_TIMEOUT_MS, async () => {
    await server.assertRunning();
    return answers(port);
  });
  return { port, stop: () => server.stop('SIGTERM') };
}

async function answers(port: number): Promise<true | undefined> {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => null });
  // `connect()` rejects with the same error.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
    return true;
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  } finally {
    client.disconnect();
  }
}
