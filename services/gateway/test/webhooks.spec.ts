import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import type { WebhookDeliveriesPage, WebhooksAnswer, WebhookWithSecret } from '#contracts/http/webhooks.js';
import { WEBHOOKS_MAX } from '#contracts/limits.js';
import type { Gateway } from '../src/gateway.js';
import { authorization, get, type Kit, read, startKit } from './gateway-kit.js';

const WEBHOOK_SECRET = 'a webhook secret of the tests, 32 bytes or more';
const UNKNOWN = '01890000-0000-7000-8000-000000000000';

let kit: Kit;
let other: Gateway;

beforeAll(async () => {
  kit = await startKit({ WEBHOOK_SECRET });
  other = await kit.startAnother();
});
afterAll(async () => {
  await kit?.close();
});

async function send(method: string, path: string, { user = 'alice', body = undefined as unknown, url = kit.url } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${url}${path}`, { method, headers: await authorization(user), body: text });
}

async function register(body: unknown = { url: 'https://example.com/hook' }, user = 'alice') {
  const response = await send('POST', '/api/webhooks', { body, user });
  expect(response.status).toBe(201);
  return read<WebhookWithSecret>(response);
}

describe('a webhook', () => {
  it('when registered › is there at once at any gateway, with its secret for its owner', async () => {
    const webhook = await register();
    expect(webhook).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url: 'https://example.com/hook',
      events: ['job.completed', 'job.failed', 'job.cancelled'],
      created_at: expect.any(String),
      secret: expect.stringMatching(/^whsec_/),
    });
    expect(await read(get(other.url, `/api/webhooks/${webhook.id.toUpperCase()}`))).toEqual(webhook);
    const { secret, ...listed } = webhook;
    expect(await read<WebhooksAnswer>(get(other.url, '/api/webhooks'))).toEqual({ webhooks: [listed] });
    await send('DELETE', `/api/webhooks/${webhook.id}`);
  });

  it('when deleted › is gone', async () => {
    const { id } = await register();
    expect((await send('DELETE', `/api/webhooks/${id}`)).status).toBe(204);
    for (const method of ['DELETE', 'GET']) expect((await send(method, `/api/webhooks/${id}`)).status).toBe(404);
    expect(await read(get(kit.url, '/api/webhooks'))).toEqual({ webhooks: [] });
  });

  it('of another user › does not exist', async () => {
    const { id } = await register({ url: 'https://example.com/', events: ['job.started'] });
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/deliveries'],
      ['POST', '/test'],
    ] as const) {
      const response = await send(method, `/api/webhooks/${id}${path}`, { user: 'mallory' });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: 'unknown_webhook' });
    }
    expect(await read(get(kit.url, '/api/webhooks', 'mallory'))).toEqual({ webhooks: [] });
    expect((await send('DELETE', `/api/webhooks/${id}`)).status).toBe(204);
  });

  it.each(['x', '%3E', 'a.b', UNKNOWN])('under the id %s › does not exist', async (id) => {
    for (const path of [`/api/webhooks/${id}`, `/api/webhooks/${id}/deliveries`]) {
      expect(await read(get(kit.url, path))).toMatchObject({ code: 'unknown_webhook' });
    }
  });
});

describe('as many webhooks as there may be', () => {
  it('when two gateways register at once › not one more', async () => {
    const bodies = Array.from({ length: WEBHOOKS_MAX + 4 }, (_, index) => ({ url: `https://example.com/${index}` }));
    const answers = await Promise.all(
      bodies.map((body, index) =>
        send('POST', '/api/webhooks', { body, user: 'carol', url: index % 2 ? kit.url : other.url }),
      ),
    );
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(4);
    for (const each of refused) expect(await each.json()).toMatchObject({ code: 'webhook_limit', retryable: false });
    const { webhooks } = await read<WebhooksAnswer>(get(kit.url, '/api/webhooks', 'carol'));
    expect(webhooks).toHaveLength(WEBHOOKS_MAX);
    await send('DELETE', `/api/webhooks/${webhooks[0]?.id}`, { user: 'carol' });
    await register(undefined, 'carol');
  });
});

describe('a wrong registration', () => {
  it.each([
    ['nothing', undefined, 'the body'],
    ['a list', [], 'the body'],
    ['a text', '"https://example.com"', 'the body'],
    ['no url', {}, 'url'],
    ['a url that is a number', { url: 7 }, 'url must be a string'],
    ['too long a url', { url: `https://example.com/${'x'.repeat(2048)}` }, 'url'],
    ['http', { url: 'http://example.com/' }, 'url must begin with https://'],
    ['a private address', { url: 'https://10.0.0.1/' }, 'private'],
    ['metadata in other clothes', { url: 'https://[::ffff:a9fe:a9fe]/' }, 'private'],
    ['credentials', { url: 'https://a:b@example.com/' }, 'user name'],
    ['a fragment', { url: 'https://example.com/#x' }, 'fragment'],
    ['no events', { url: 'https://example.com/', events: [] }, 'events'],
    ['an unknown event', { url: 'https://example.com/', events: ['job.paused'] }, 'events'],
    ['an event twice', { url: 'https://example.com/', events: ['job.failed', 'job.failed'] }, 'events'],
    ['events that are a text', { url: 'https://example.com/', events: 'job.failed' }, 'events'],
    ['a test as an event', { url: 'https://example.com/', events: ['webhook.test'] }, 'events'],
  ])('%s › 400 that names it', async (_, body, details) => {
    const response = await send('POST', '/api/webhooks', { body, user: 'dave' });
    expect(response.status).toBe(400);
    const answer = await read<ErrorBody>(response);
    expect(answer).toMatchObject({ success: false, code: 'invalid_body' });
    expect(answer.details).toContain(details);
  });

  it('leaves nothing behind', async () => {
    expect(await read(get(kit.url, '/api/webhooks', 'dave'))).toEqual({ webhooks: [] });
  });
});

describe('the log of deliveries', () => {
  it('is asked from the jobs service, for the own webhook only', async () => {
    const { id } = await register({ url: 'https://example.com/' }, 'erin');
    expect(await read(get(kit.url, `/api/webhooks/${id}/deliveries`, 'erin'))).toMatchObject({
      code: 'lists_unavailable',
    });
    const asked: unknown[] = [];
    const answer = { deliveries: [], nextCursor: 'next' };
    const stop = await kit.answerQueries({
      'webhooks.deliveries': (request) => {
        asked.push(request);
        return answer;
      },
    });
    const page = await read<WebhookDeliveriesPage>(get(kit.url, `/api/webhooks/${id}/deliveries?limit=3`, 'erin'));
    expect(page).toEqual({ deliveries: [], next_cursor: 'next' });
    expect(asked).toEqual([{ accountKey: expect.any(String), webhookId: id, limit: 3 }]);
    expect((await get(kit.url, `/api/webhooks/${id}/deliveries?limit=0`, 'erin')).status).toBe(400);
    stop();
  });
});

describe('without WEBHOOK_SECRET', () => {
  it('there are no webhooks, and the answer says so', async () => {
    const without = await kit.startAnother({ WEBHOOK_SECRET: '' });
    for (const [method, body] of [['GET'], ['POST', { url: 'https://example.com/' }]] as const) {
      const response = await send(method, '/api/webhooks', { body, url: without.url });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: 'webhooks_disabled', retryable: false });
    }
  });
});

describe('when NATS is away', () => {
  it('it says that it passes', async () => {
    await kit.nats.server.stop();
    const response = await send('POST', '/api/webhooks', { body: { url: 'https://example.com/' } });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await response.json()).toMatchObject({ code: 'webhooks_unavailable', retryable: true });
  });
});
