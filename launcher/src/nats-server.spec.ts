import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { leaveBehind } from '../../test/support/orphan-process.js';
import { type ScratchFolder, scratchFolder } from '../../test/support/scratch-folder.js';
import { natsBinary } from '../../test/support/servers.js';
import { readPid } from './left-over.js';
import { type NatsServer, type NatsServerOptions, startNatsServer } from './nats-server.js';
import { pollUntil } from './poll.js';
import { findProcess } from './process-table.js';

let binary: string;
let folder: ScratchFolder;
let servers: NatsServer[] = [];

beforeAll(async () => {
  binary = (await natsBinary()).path;
});

beforeEach(async () => {
  folder = await scratchFolder();
});

afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  servers = [];
  await folder.remove();
});

async function start(options: Partial<NatsServerOptions> = {}): Promise<NatsServer> {
  const server = await startNatsServer({ binary, storeDir: join(folder.path, 'nats'), ...options });
  servers.push(server);
  return server;
}

describe('startNatsServer', () => {
  it('when started › listens on loopback with JetStream, and its configuration is closed to others', async () => {
    const server = await start();
    await withClient(server.url, async (client) => expect(client.info?.jetstream).toBe(true));
    expect(server.url).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
    const { mode } = await stat(join(folder.path, 'nats/nats.conf'));
    expect(mode & 0o777).toBe(0o600);
  });

  it('when restarted › has the same port and its messages', async () => {
    const server = await start();
    const { port, pid } = server;
    await publish(server.url);
    await server.restart();
    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    expect(await countMessages(server.url)).toBe(1);
  });

  it('when killed and started again › keeps every acknowledged message', async () => {
    const server = await start({ syncInterval: 'always' });
    await publish(server.url);
    await server.kill();
    expect(server.running).toBe(false);
    await server.restart();
    expect(await countMessages(server.url)).toBe(1);
  });

  it('when two run at once › each has a port of its own', async () => {
    const [one, other] = await Promise.all(['one', 'two'].map((name) => start({ storeDir: join(folder.path, name) })));
    expect(one?.port).not.toBe(other?.port);
  });

  it('when the port is taken › fails with the reason', async () => {
    const { port } = await start();
    await expect(start({ storeDir: join(folder.path, 'other'), port })).rejects.toThrow(/address already in use/);
  });

  it('when given users › refuses those without a password', async () => {
    const authorization = 'authorization { users: [ { user: "jobs", password: "s3cret" } ] }';
    const { url } = await start({ authorization, maxPayload: 4096, jetstream: { maxFile: 1e8 }, monitoring: true });
    await expect(connect({ servers: url })).rejects.toThrow(/authorization/i);
    const client = await connect({ servers: url, user: 'jobs', pass: 's3cret' });
    expect(client.info?.max_payload).toBe(4096);
    await client.close();
  });

  it('when an earlier run left its server behind › stops it and starts', async () => {
    const storeDir = join(folder.path, 'nats');
    await (await start()).stop();
    const orphan = await leaveBehind(binary, ['-c', join(storeDir, 'nats.conf')]);
    const messages: string[] = [];
    await pollUntil(
      'its pid file',
      5_000,
      async () => (await readPid(join(storeDir, 'nats.pid'))) === orphan || undefined,
    );
    await start({ log: (message) => messages.push(message) });
    expect(messages).toEqual([expect.stringContaining(`process ${orphan}`)]);
    expect(await findProcess(orphan)).toBeUndefined();
  });

  it('when the folder belongs to a running launcher › refuses', async () => {
    const server = await start();
    await expect(start()).rejects.toThrow(/is in use: process \d+ runs the NATS server/);
    expect(server.running).toBe(true);
  });
});

async function withClient<T>(url: string, work: (client: NatsConnection) => Promise<T>): Promise<T> {
  const client = await connect({ servers: url });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

function publish(url: string): Promise<void> {
  return withClient(url, async (client) => {
    await (await jetstreamManager(client)).streams.add({ name: 'KEPT', subjects: ['kept'] });
    await jetstream(client).publish('kept', 'hello');
  });
}

function countMessages(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { state } = await (await jetstreamManager(client)).streams.info('KEPT');
    return state.messages;
  });
}
