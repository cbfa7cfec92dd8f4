import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { leaveBehind } from '../../test/support/orphan-process.js';
import { type ScratchFolder, scratchFolder } from '../../test/support/scratch-folder.js';
import { pollUntil } from './poll.js';
import { serviceAccount } from './postgres-account.js';
import { locatePostgres } from './postgres-binary.js';
import { type PostgresOptions, type PostgresServer, startPostgres } from './postgres-server.js';
import { findProcess } from './process-table.js';

/** Making a data folder takes most of the time, so the tests share one. */
let folder: ScratchFolder;
let dataDir: string;
let running: PostgresServer | undefined;

beforeAll(async () => {
  folder = await scratchFolder();
  await chmod(folder.path, 0o755);
  dataDir = join(folder.path, 'postgres');
});

afterEach(() => running?.stop());
afterAll(() => folder.remove());

async function start(options: Partial<PostgresOptions> = {}): Promise<PostgresServer> {
  running = await startPostgres({ dataDir, durable: false, orphanSignal: 'SIGQUIT', ...options });
  return running;
}

describe('startPostgres', () => {
  it('when started the first time › has the database, and a password that only its owner can read', async () => {
    const server = await start();
    expect(await query(server.url, 'SELECT current_database() AS name')).toEqual([{ name: 'ourvidz' }]);
    expect((await stat(join(dataDir, 'password'))).mode & 0o777).toBe(0o600);
    const wrong = server.url.replace(/:[^:@]+@/, ':wrong@');
    await expect(query(wrong, 'SELECT 1')).rejects.toThrow('password authentication failed');
  });

  it('when not told otherwise › is durable and listens on loopback only', async () => {
    const { url } = await start({ durable: undefined });
    const names = "('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'password_encryption')";
    const settings = await query(url, `SELECT setting FROM pg_settings WHERE name IN ${names} ORDER BY name`);
    expect(settings.map(({ setting }) => setting)).toEqual(['on', 'on', '127.0.0.1', 'scram-sha-256', 'on']);
  });

  it('when restarted and when killed › keeps port and data', async () => {
    const server = await start({ durable: true });
    const { port } = server;
    await query(server.url, 'CREATE TABLE kept AS SELECT 1 AS one');
    await server.restart();
    await query(server.url, 'INSERT INTO kept VALUES (2)');
    await server.kill();
    await server.restart();
    expect(server.port).toBe(port);
    expect(await query(server.url, 'SELECT * FROM kept ORDER BY one')).toEqual([{ one: 1 }, { one: 2 }]);
  });

  it('when an earlier run left its server behind › stops it and starts', async () => {
    const orphan = await leavePostgresBehind();
    const messages: string[] = [];
    const server = await start({ log: (message) => messages.push(message) });
    expect(messages).toEqual([expect.stringContaining(`process ${orphan}`)]);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('when the lock names a process that is not PostgreSQL › starts', async () => {
    await (await start()).stop();
    await writeFile(join(dataDir, 'cluster/postmaster.pid'), `${process.ppid}\n${dataDir}/cluster\n`);
    await expect(start()).resolves.toBeDefined();
  });

  it('when the folder belongs to a running launcher › refuses', async () => {
    const server = await start();
    const second = startPostgres({ dataDir });
    await expect(second).rejects.toThrow(/is in use: process \d+ runs the PostgreSQL server/);
    expect(server.running).toBe(true);
  });

  it('when the port is taken › fails with the reason', async () => {
    const { port } = await start();
    const other = startPostgres({ dataDir: join(folder.path, 'other'), port, durable: false });
    await expect(other).rejects.toThrow(/Address already in use/);
  });

  it('when the folder lies where only its owner can go › starts all the same', async () => {
    const closed = join(folder.path, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const { url } = await start({ dataDir: join(closed, 'postgres') });
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('when a killed start left a half-made folder › makes it anew', async () => {
    const half = join(folder.path, 'half');
    await mkdir(join(half, 'cluster.unfinished/base'), { recursive: true });
    await chmod(half, 0o711);
    const { url } = await start({ dataDir: half });
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

/** Starts the programs as the launcher does, but without it. */
async function leavePostgresBehind(): Promise<number> {
  const server = await start();
  const command = (await findProcess(server.pid))?.command ?? '';
  await server.stop();
  const { postgres } = await locatePostgres();
  const pid = await leaveBehind(postgres, command.split(' ').slice(1), await serviceAccount());
  const lock = join(dataDir, 'cluster/postmaster.pid');
  const ready = async () => (await readFile(lock, 'utf8').catch(() => '')).includes('ready') || undefined;
  await pollUntil('the left-over server', 10_000, ready);
  return pid;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
