import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { pollUntil } from '#launcher/poll.js';
import { findProcess } from '#launcher/process-table.js';
import { natsBinary, testNats, testPostgres } from './servers.js';
import { runTypeScript } from './typescript-process.js';

describe('testNats', () => {
  it('when called › a client can connect, and after close nothing is left', async () => {
    const nats = await testNats({});
    const connection = await connect({ servers: nats.url });
    expect(connection.info?.jetstream).toBe(true);
    await connection.close();
    await nats.close();
    await nats.close();
    expect(nats.server.running).toBe(false);
  });

  it('when paused › nobody answers until it is resumed', async () => {
    const nats = await testNats({});
    nats.server.pause();
    await expect(connect({ servers: nats.url, timeout: 200, reconnect: false })).rejects.toThrow();
    nats.server.resume();
    await (await connect({ servers: nats.url })).close();
    await nats.close();
  });
});

describe('testPostgres', () => {
  it('when called twice › the databases are empty and apart', async () => {
    const [one, other] = await Promise.all([testPostgres(), testPostgres()]);
    await query(one.url, 'CREATE TABLE jobs (id int)');
    const tables = await query(other.url, "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'");
    expect(tables).toEqual([{ n: 0 }]);
    await Promise.all([one.close(), other.close()]);
  });

  it('when closed while connected › the database is gone', async () => {
    const database = await testPostgres();
    const client = new pg.Client(database.url);
    const broken = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await database.close();
    await broken;
    await expect(query(database.url, 'SELECT 1')).rejects.toThrow('does not exist');
    await database.close();
  });
});

describe('when the process that started the servers is killed', () => {
  it('› the servers end and their folders go', async () => {
    const child = await runTypeScript(new URL('two-servers.ts', import.meta.url), [(await natsBinary()).path]);
    const [nats, postgres, folder] = child.firstLine.split(' ');
    child.kill();
    for (const pid of [nats, postgres]) {
      await pollUntil(`the end of ${pid}`, 10_000, async () => ((await findProcess(Number(pid))) ? undefined : true));
    }
    const gone = async () => !readdirSync(tmpdir()).includes(String(folder)) || undefined;
    await expect(pollUntil('the removal of the folder', 10_000, gone)).resolves.toBe(true);
  });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
