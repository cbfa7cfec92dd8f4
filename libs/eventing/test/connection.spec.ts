import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createUser } from '@nats-io/nkeys';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectBus } from '#eventing/bus.js';
import { AccessRefusedError, EventingUnavailableError, TopologyError } from '#eventing/errors.js';
import { createLog } from '#service-kit/log.js';
import { testNats } from '../../../test/support/servers.js';
import { aLog, anInstallation, freeze, type Installation } from './a-bus.js';

const log = createLog('test', 'silent');
const decoder = new TextDecoder();
let installation: Installation;

beforeAll(async () => {
  installation = await anInstallation();
});
afterAll(() => installation?.close());

describe('when NATS is not there yet', () => {
  it('connecting waits for it and says so', async () => {
    const nats = await testNats({});
    await nats.server.stop();
    const { log: heard, lines } = aLog();
    const connecting = connectBus({ url: nats.url, service: 'jobs', log: heard });
    await vi.waitFor(() => expect(lines.some((line) => line.msg === 'NATS cannot be reached yet')).toBe(true));
    await nats.server.restart();
    const bus = await connecting;
    expect(bus.isConnected()).toBe(true);
    await bus.close();
    await nats.close();
  });

  it('connecting ends when it is told to', async () => {
    const stop = new AbortController();
    const connecting = connectBus({ url: 'nats://127.0.0.1:1', service: 'jobs', log, signal: stop.signal });
    stop.abort(new Error('stopped'));
    await expect(connecting).rejects.toThrow('stopped');
  });

  it('a server that was away at first is used later', async () => {
    const [first, second] = await Promise.all([testNats({}), testNats({})]);
    await first.server.stop();
    const bus = await connectBus({ url: `${first.url}, ${second.url}`, service: 'jobs', log });
    await first.server.restart();
    await second.server.kill();
    await vi.waitFor(async () => expect(await pings(bus)).toBe(true), 5_000);
    await bus.close();
    await Promise.all([first.close(), second.close()]);
  });
});

describe('when the credentials are wrong', () => {
  it('connecting fails with a clear message', async () => {
    const [known, stranger] = [createUser(), createUser()];
    const users = `authorization { users = [{ nkey: ${known.getPublicKey()} }] }`;
    const nats = await testNats({ authorization: users });
    const options = { url: nats.url, service: 'gateway', log } as const;
    await expect(connectBus(options)).rejects.toThrow('NATS refuses a connection without credentials of gateway');
    const credentials = decoder.decode(stranger.getSeed());
    await expect(connectBus({ ...options, credentials })).rejects.toBeInstanceOf(AccessRefusedError);
    await expect(connectBus({ ...options, credentials: 'SUNONSENSE' })).rejects.toBeInstanceOf(AccessRefusedError);
    const bus = await connectBus({ ...options, credentials: `${decoder.decode(known.getSeed())}\n` });
    await bus.close();
    await nats.close();
  });

  it('what it may not do is logged', async () => {
    const nats = await testNats({
      authorization:
        'authorization { default_permissions = { publish: { deny: ["secret"] } }, users = [{ user: a }] }\nno_auth_user: a',
    });
    const { log: heard, lines } = aLog();
    const bus = await connectBus({ url: nats.url, service: 'jobs', log: heard });
    bus.nc.publish('secret');
    await vi.waitFor(() => {
      const said = lines.find((line) => line.msg === 'NATS refused something');
      expect(said?.err?.message).toContain('Publish to "secret"');
    });
    await bus.close();
    await nats.close();
  });
});

describe('when the server is too busy to let anybody in', () => {
  it('connecting is tried again', async () => {
    const server = createServer((socket) => {
      socket.write('INFO {"server_id":"x","version":"2.15.1","max_payload":1048576,"headers":true}\r\n');
      socket.on('data', () => socket.end("-ERR 'Authentication Timeout'\r\n"));
      socket.on('error', () => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { log: heard, lines } = aLog();
    const stop = new AbortController();
    const connecting = connectBus({ url, service: 'jobs', log: heard, signal: stop.signal });
    connecting.catch(() => undefined);
    const tries = () => lines.filter(({ err }) => /Authentication Timeout/i.test(err?.message ?? '')).length;
    await vi.waitFor(() => expect(tries()).toBeGreaterThan(1), 5_000);
    stop.abort(new Error('stopped'));
    await expect(connecting).rejects.toThrow('stopped');
    server.close();
  });
});

describe('when the server is too old', () => {
  it('connecting is refused with both versions', async () => {
    const server = createServer((socket) => {
      socket.write('INFO {"server_id":"x","version":"2.10.29","max_payload":1048576,"headers":true}\r\n');
      socket.on('data', (data) => void (data.includes('PING') && socket.write('PONG\r\n')));
      socket.on('error', () => socket.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connecting = connectBus({ url, service: 'jobs', log });
    await expect(connecting).rejects.toThrow(TopologyError);
    await expect(connecting).rejects.toThrow('NATS 2.10.29 is too old: 2.12 or newer is needed');
    server.close();
  });
});

describe('a callback that throws', () => {
  it('is logged and leaves the connection alone', async () => {
    const { log: heard, lines } = aLog();
    const bus = await installation.connect('jobs', { log: heard });
    const stop = bus.listen('boom', () => {
      throw new Error('boom');
    });
    bus.nc.publish('boom');
    await bus.flushed();
    expect(bus.isConnected()).toBe(true);
    expect(lines.map((line) => line.err?.message)).toEqual(['boom']);
    stop();
  });
});

describe('closing', () => {
  it('when the server is away › ends at once', async () => {
    const own = await anInstallation();
    await own.nats.server.kill();
    await vi.waitFor(() => expect(own.bus.isConnected()).toBe(false));
    const before = Date.now();
    await own.bus.close();
    expect(Date.now() - before).toBeLessThan(1_000);
    await expect(own.bus.whenConnected(10_000)).rejects.toBeInstanceOf(EventingUnavailableError);
    await expect(own.bus.flushed()).rejects.toBeInstanceOf(EventingUnavailableError);
    expect(await own.bus.closed).toBeUndefined();
    await own.close();
  });

  it('when the server is frozen › ends soon', async () => {
    const own = await anInstallation();
    await freeze({ nats: own.nats, bus: await own.connect() });
    await Promise.all([own.bus.close(), own.bus.close()]);
    expect(own.bus.isConnected()).toBe(false);
    own.nats.server.resume();
    await own.close();
  });
});

describe('when the connection is lost', () => {
  it('requests under way fail at once after the reconnect, and those who wait go on', async () => {
    const own = await anInstallation();
    await freeze(own);
    const asked = own.bus.answerTo(own.bus.nc.request('$JS.API.INFO', '', { timeout: 60_000 }));
    const lost = expect(asked).rejects.toBeInstanceOf(EventingUnavailableError);
    const flushed = own.bus.flushed();
    await own.nats.server.kill();
    await vi.waitFor(() => expect(own.bus.isConnected()).toBe(false));
    const back = own.bus.whenConnected(10_000);
    await own.nats.server.restart();
    await Promise.all([lost, flushed, back]);
    await own.close();
  });
});

async function pings(bus: Awaited<ReturnType<typeof connectBus>>): Promise<boolean> {
  if (!bus.isConnected()) return false;
  await bus.flushed();
  return true;
}
