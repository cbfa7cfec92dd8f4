import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { TargetPolicy } from '#webhooks/target.js';
import { Receiver } from '../../../test/support/webhook-receiver.js';
import type { Resolve } from '../src/webhooks/addresses.js';
import { nameServers, systemNames } from '../src/webhooks/addresses.js';
import { post } from '../src/webhooks/post.js';

const never = new AbortController().signal;
const open: TargetPolicy = { allowHttp: true, allowPrivate: true };
/** As on the internet, but that the test's receivers speak no TLS. */
const strict: TargetPolicy = { allowHttp: true, allowPrivate: false };

let receiver: Receiver;

beforeEach(async () => {
  receiver = await Receiver.start();
});
afterEach(() => receiver.close());

interface Over {
  readonly policy?: TargetPolicy;
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

function send(url: string, { policy = open, resolve = systemNames, timeoutMs = 5_000, signal = never }: Over = {}) {
  return post({ url, headers: { 'webhook-id': 'msg_1' }, body: '{}' }, { policy, resolve, timeoutMs, signal });
}

/** A name server that says this, and counts how often it was asked. */
function says(...addresses: string[]): Resolve & { asked: number } {
  const server = Object.assign(
    async (): Promise<LookupAddress[]> => {
      server.asked++;
      return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
    { asked: 0 },
  );
  return server;
}

function named(host: string): string {
  return receiver.url.replace('127.0.0.1', host);
}

describe('a receiver that answers', () => {
  test('gets the message once, and its status counts', async () => {
    receiver.answer(503, { 'retry-after': '7' });
    expect(await send(receiver.url)).toEqual({ kind: 'answered', status: 503, retryAfterMs: 7_000 });
    expect(receiver.received).toMatchObject([{ id: 'msg_1', body: '{}' }]);
  });

  test.each([301, 302, 303, 307, 308])('with %i › is not followed', async (status) => {
    const elsewhere = await Receiver.start();
    receiver.answer(status, { location: elsewhere.url });
    expect(await send(receiver.url)).toMatchObject({ kind: 'answered', status });
    expect(elsewhere.received).toEqual([]);
    await elsewhere.close();
  });

  test('with more than anybody reads › is hung up on, and its status counts', async () => {
    receiver.respond = (response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(64 * 1024)));
      };
      response.on('drain', more);
      more();
    };
    expect(await send(receiver.url)).toMatchObject({ kind: 'answered', status: 200 });
  });

  test('with a status and then nothing more › its status counts when the time is up', async () => {
    receiver.respond = (response) => response.flushHeaders();
    expect(await send(receiver.url, { timeoutMs: 100 })).toMatchObject({ kind: 'answered', status: 200 });
  });
});

describe('a receiver that does not answer', () => {
  test('in time › is a time-out', async () => {
    receiver.respond = () => undefined;
    expect(await send(receiver.url, { timeoutMs: 100 })).toEqual({ kind: 'timeout', error: 'no answer within 0.1 s' });
  });

  test('because its name server does not › is a time-out', async () => {
    const resolve = () => new Promise<never>(() => undefined);
    expect(await send(named('slow.example'), { resolve, timeoutMs: 100 })).toMatchObject({ kind: 'timeout' });
  });

  test('because nobody listens › is told without its address', async () => {
    const { url } = receiver;
    await receiver.close();
    expect(await send(url)).toEqual({ kind: 'unreachable', error: 'cannot connect: ECONNREFUSED' });
    receiver = await Receiver.start();
  });

  test.each(['', 'SSH-2.0-OpenSSH_9.2\r\n', 'HTTP/1.1 abc\r\n\r\n'])('but %j › is unreachable', async (greeting) => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket.on('data', () => socket.end(greeting))));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const result = await send(`http://127.0.0.1:${port}/`);
    expect(result).toMatchObject({ kind: 'unreachable', error: expect.stringMatching(/^cannot connect: [A-Z_]+$/) });
    server.close();
  });

  test('to TLS › is unreachable', async () => {
    const result = await send(receiver.url.replace('http:', 'https:'));
    expect(result).toMatchObject({ kind: 'unreachable' });
  });

  test('because its name is not known › is unreachable', async () => {
    const resolve = () => Promise.reject(Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' }));
    expect(await send(named('nobody.example'), { resolve })).toEqual({
      kind: 'unreachable',
      error: 'cannot connect: ENOTFOUND',
    });
    expect(await send(named('nobody.example'), { resolve: says() })).toMatchObject({ kind: 'unreachable' });
  });

  test('when the process stops › has no result', async () => {
    receiver.respond = () => undefined;
    const stopping = new AbortController();
    const sent = send(receiver.url, { signal: stopping.signal });
    await receiver.until(1);
    stopping.abort();
    expect(await sent).toBeUndefined();
  });
});

describe('where private addresses are not allowed', () => {
  const refused = { kind: 'refused_address', error: expect.any(String) };

  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://localhost/',
    'http://user:password@example.com/',
    'ftp://example.com/',
  ])('%s › is refused without asking anybody', async (url) => {
    const resolve = says('8.8.8.8');
    expect(await send(url, { policy: strict, resolve })).toEqual(refused);
    expect(resolve.asked).toBe(0);
  });

  test.each([
    ['127.0.0.1'],
    ['10.0.0.8'],
    ['169.254.169.254'],
    ['100.64.1.1'],
    ['::1'],
    ['fd00:ec2::254'],
    ['::ffff:127.0.0.1'],
    ['64:ff9b::7f00:1'],
    ['2002:7f00:1::'],
    ['8.8.8.8', '127.0.0.1'],
    ['2606:4700::1111', '::1'],
  ])('a name that leads to %s › is refused, and nobody is connected', async (...addresses) => {
    const resolve = says(...addresses);
    expect(await send(named('rebind.example'), { policy: strict, resolve })).toEqual(refused);
    expect(resolve.asked).toBe(1);
    expect(receiver.received).toEqual([]);
  });

  test('http › is refused unless the operator allows it', async () => {
    const policy = { allowHttp: false, allowPrivate: true };
    expect(await send(receiver.url, { policy })).toEqual(refused);
  });
});

describe('a name', () => {
  test('that leads elsewhere when it is asked again › is asked once: the address that was checked is connected', async () => {
    const answers = [['127.0.0.1'], ['10.255.255.1']];
    const resolve: Resolve = async () => (answers.shift() ?? []).map((address) => ({ address, family: 4 }));
    expect(await send(named('rebind.example'), { resolve })).toMatchObject({ kind: 'answered', status: 200 });
    expect(answers).toHaveLength(1);
    expect(receiver.received[0]?.headers.host).toMatch(/^rebind\.example:/);
  });

  test('with several addresses › is reached by the one that answers', async () => {
    const resolve = says('127.0.0.2', '127.0.0.1');
    expect(await send(named('many.example'), { resolve })).toMatchObject({ kind: 'answered', status: 200 });
  });

  test('is looked up at the name servers, IPv4 and IPv6; one of them is enough', async () => {
    const both = { resolve4: async () => ['8.8.8.8'], resolve6: async () => ['2606:4700::1111'] };
    const none = () => Promise.reject(Object.assign(new Error('none'), { code: 'ENODATA' }));
    const resolver = (over: object) => nameServers({ ...both, ...over });
    expect(await resolver({})('x')).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2606:4700::1111', family: 6 },
    ]);
    expect(await resolver({ resolve4: none })('x')).toEqual([{ address: '2606:4700::1111', family: 6 }]);
    expect(await resolver({ resolve6: none })('x')).toEqual([{ address: '8.8.8.8', family: 4 }]);
    await expect(resolver({ resolve4: none, resolve6: none })('x')).rejects.toMatchObject({ code: 'ENODATA' });
  });
});
