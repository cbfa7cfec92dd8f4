import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { JOB_STREAM } from '#contracts/streams.js';
import { get, type Kit, post, queued, read, SECRET, startKit, WISH } from './gateway-kit.js';

describe('a queue', () => {
  let kit: Kit;
  beforeAll(async () => {
    kit = await startKit({ MAX_QUEUE_DEPTH: '5' });
  });
  afterAll(() => kit.close());

  it('that is full takes no more, however many ask at once, and takes all that it has room for', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => post(kit.url, WISH)));
    // While jobs are being stored the queue may look fuller than it is: what was refused then is taken a moment later.
    await expect
      .poll(async () => {
        answers.push(await post(kit.url, WISH));
        return answers.filter(({ ok }) => ok).length;
      })
      .toBe(5);
    answers.push(...(await Promise.all(Array.from({ length: 3 }, () => post(kit.url, WISH)))));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(5);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    const refused = answers.find(({ status }) => status === 503);
    // One of the jobs, as long as the reference measured, and nobody at work.
    expect(refused?.headers.get('retry-after')).toBe('37');
    expect(await refused?.json()).toMatchObject({ code: 'queue_full', retryable: true });
    const lengths = await Promise.all(
      answers.filter(({ ok }) => ok).map((answer) => read<{ queueLength: number }>(answer)),
    );
    expect(Math.max(...lengths.map(({ queueLength }) => queueLength))).toBe(5);
  });
});

describe('without NATS', () => {
  let kit: Kit;
  beforeAll(async () => {
    kit = await startKit();
  });
  afterAll(() => kit.close());

  it('requests fail soon, and work again when it is back', async () => {
    const job = await queued(kit.url);
    await kit.nats.server.kill();
    const startedAt = Date.now();
    const [taken, seen, watched, status] = await Promise.all([
      post(kit.url, WISH),
      get(kit.url, `/api/jobs/${job.id}`),
      get(kit.url, `/api/jobs/${job.id}/events`),
      get(kit.url, '/api/jobs'),
    ]);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    for (const response of [taken, seen, watched]) {
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBe('2');
      expect(await response.json()).toMatchObject({ code: 'queue_unavailable', retryable: true });
    }
    expect(await status.json()).toMatchObject({ code: 'lists_unavailable' });
    expect((await fetch(`${kit.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${kit.url}/health/ready`)).status).toBe(503);
    await kit.nats.server.restart();
    await vi.waitFor(async () => expect((await post(kit.url, WISH)).status).toBe(200), { timeout: 15_000 });
    expect((await get(kit.url, `/api/jobs/${job.id}`)).status).toBe(200);
    expect((await fetch(`${kit.url}/health/ready`)).status).toBe(200);
  });
});

describe('when NATS has no room', () => {
  it('the gateway is not ready until something was stored again', async () => {
    const kit = await startKit();
    const ready = async () => (await fetch(`${kit.url}/health/ready`)).status;
    const resize = (max_bytes: number) => kit.bus.jsm.streams.update(JOB_STREAM.name, { max_bytes });
    await queued(kit.url);
    const { state, config } = await kit.bus.jsm.streams.info(JOB_STREAM.name);
    expect(await ready()).toBe(200);
    await resize(state.bytes + 100);
    const refused = await post(kit.url, WISH);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(await ready()).toBe(503);
    await resize(config.max_bytes);
    await vi.waitFor(async () => expect((await post(kit.url, WISH)).status).toBe(200), { timeout: 15_000 });
    await vi.waitFor(async () => expect(await ready()).toBe(200), { timeout: 10_000 });
    await kit.close();
  });
});

describe('tokens of a key server', () => {
  let kit: Kit;
  let keyServer: Server;
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  let jwksUrl: string;

  beforeAll(async () => {
    keys = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
    keyServer = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] }))).listen(0, '127.0.0.1');
    await once(keyServer, 'listening');
    jwksUrl = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/jwks`;
    kit = await startKit({ AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: 'us', AUTH_AUDIENCE: 'them' });
  });
  afterAll(async () => {
    keyServer.closeAllConnections();
    keyServer.close();
    await kit.close();
  });

  const claims = { sub: 'alice', iss: 'us', aud: 'them' };
  const signed = (payload: Record<string, unknown>, kid = 'one') =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid }).sign(keys.privateKey);
  const ask = (token: string, url = kit.url) =>
    fetch(`${url}/api/queue-status`, { headers: { authorization: `Bearer ${token}` } });

  it('are taken beside those of the secret', async () => {
    expect((await ask(await signed(claims))).status).toBe(200);
    const symmetric = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET));
    expect((await ask(symmetric)).status).toBe(200);
  });

  it('are refused for another issuer or audience, or with an unknown key', async () => {
    expect((await ask(await signed({ ...claims, iss: 'others' }))).status).toBe(401);
    expect((await ask(await signed({ ...claims, aud: 'others' }))).status).toBe(401);
    expect((await ask(await signed(claims, 'two'))).status).toBe(401);
  });

  it('are not verified with the public key as a secret', async () => {
    const publicKey = Buffer.from(JSON.stringify(await exportJWK(keys.publicKey)));
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'one' }).sign(publicKey);
    expect((await ask(forged)).status).toBe(401);
  });

  it('cannot be checked while the key server is away', async () => {
    const other = await kit.startAnother({ AUTH_JWKS_URL: 'http://127.0.0.1:9/jwks' });
    const response = await ask(await signed(claims), other.url);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('5');
    expect(await response.json()).toMatchObject({ code: 'authentication_unavailable', retryable: true });
  });
});

describe('pages of other origins', () => {
  let kit: Kit;
  beforeAll(async () => {
    kit = await startKit({ CORS_ORIGINS: 'https://studio.example' });
  });
  afterAll(() => kit.close());

  it.each([
    ['https://studio.example', 'https://studio.example'],
    ['https://evil.example', null],
  ])('%s may read answers: %s', async (origin, allowed) => {
    const response = await fetch(`${kit.url}/api/jobs`, { headers: { origin } });
    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe(allowed);
    expect(response.headers.get('vary')).toBe('Origin');
  });
});
