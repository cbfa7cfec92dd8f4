/** Whatever a client sends, it gets an answer of the contract and never a server's error. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Method, ROUTES, type RouteSpec } from '#contracts/http/routes.js';
import { EXAMPLES } from '../../libs/contracts/documents/examples.js';
import { Platform } from '../support/platform.js';
import { ContractClient } from './contract-client.js';

let platform: Platform;
let clients: Record<RouteSpec['access'], ContractClient>;

beforeAll(async () => {
  platform = await Platform.start({ workers: 0, environment: ENVIRONMENT });
  const as = (token: string) => new ContractClient(() => platform.url, { authorization: `Bearer ${token}` });
  const nobody = new ContractClient(() => platform.url, {});
  const user = as(await platform.token('mallory'));
  const operator = as(await platform.token('root', { role: 'admin' }));
  clients = { user, operator, worker: as(ENVIRONMENT.WORKER_TOKEN), signed: nobody, public: nobody };
}, 60_000);
afterAll(() => platform?.close());

const ENVIRONMENT = {
  WORKER_TOKEN: 'a-token-of-the-outside-workers-of-this-test',
  WEBHOOK_SECRET: 'a secret of the webhooks of this test',
  RECEIPT_SIGNING_KEY: Buffer.alloc(32, 7).toString('base64'),
};
const SOMEBODY = '0192f3a1-7c41-7d2e-9a53-5b1f0c8e4d20';
/** A claim waits for work on purpose. */
const SLOW = new Set(['claimJob']);

const withBody = ROUTES.filter(({ body, operation }) => body && !SLOW.has(operation));
const withId = ROUTES.filter(({ path }) => path.includes('{'));
const withQuery = ROUTES.filter(({ query }) => query);

describe('any body', () => {
  it.each(withBody.map(named))('%s › gets an answer of the contract', async (_name, route) => {
    const example = EXAMPLES[route.body?.name ?? ''];
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), spoilt(example)), async (body) => {
        const { status } = await clients[route.access].request(addressOf(route), { method: route.method, body });
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 60 },
    );
  });

  it.each(withBody.map(named))('%s › that is no JSON is refused as such', async (_name, route) => {
    for (const text of ['{', '', 'null', '[]', '"text"', '{"a":1}}', '\u0000', `${'['.repeat(5_000)}`]) {
      const { status } = await clients[route.access].request(addressOf(route), { method: route.method, text });
      expect([400, 404, 422]).toContain(status);
    }
  });

  it.each(withBody.map(named))('%s › too large, or of another kind, is refused as such', async (_name, route) => {
    const client = clients[route.access];
    const large = JSON.stringify({ text: 'x'.repeat(300 * 1024) });
    expect((await client.request(addressOf(route), { method: route.method, text: large })).status).toBe(413);
    const headers = { 'content-type': 'application/xml' };
    expect((await client.request(addressOf(route), { method: route.method, text: '<a/>', headers })).status).toBe(415);
  });
});

describe('any id', () => {
  const ids = [
    ...[
      'x',
      '*',
      '>',
      '%00',
      '%2e%2e%2f',
      '..%2f..%2fetc%2fpasswd',
      'a.b.c',
      '%ED%A0%80',
      '%F0%9F%98%80',
      "'%20or%201=1--",
    ],
    ...[
      'a'.repeat(5_000),
      '0',
      '-1',
      'null',
      'undefined',
      '%',
      '%zz',
      SOMEBODY.slice(1),
      `${SOMEBODY}0`,
      `{${SOMEBODY}}`,
    ],
    ...[SOMEBODY, SOMEBODY.toUpperCase(), '00000000-0000-0000-0000-000000000000'],
  ];

  it.each(withId.map(named))('%s › that is nobody’s gets a 4xx', async (_name, route) => {
    for (const id of ids) {
      const path = route.path.replace(/\{\w+\}/g, id);
      const body = route.body ? (EXAMPLES[route.body.name] ?? {}) : undefined;
      const { status } = await clients[route.access].request(path, { method: route.method, body });
      expect(status, id).toBeGreaterThanOrEqual(400);
      expect(status, id).toBeLessThan(500);
    }
  });
});

describe('any query', () => {
  const values = [
    '',
    'x',
    '*',
    '%00',
    '-1',
    '0',
    '1e9',
    'NaN',
    '%ED%A0%80',
    '%25',
    '2026-13-45',
    'a'.repeat(3_000),
    '[]',
    '{}',
  ];

  it.each(withQuery.map(named))('%s › gets an answer of the contract', async (_name, route) => {
    const names = Object.keys(queryOf(route));
    for (const name of [...names, 'limit', 'cursor', 'unknown']) {
      for (const query of [...values.map((value) => `${name}=${value}`), `${name}=1&${name}=2`, `${name}[a]=1`]) {
        const { status } = await clients[route.access].request(`${addressOf(route)}?${query}`);
        expect(status, query).toBeLessThan(500);
      }
    }
  });
});

describe('no token', () => {
  const closed = ROUTES.filter(({ access }) => access === 'user' || access === 'operator' || access === 'worker');

  it.each(closed.map(named))('%s › is refused before anything is looked at', async (_name, route) => {
    const attempts: Record<string, string>[] = [{}, { authorization: 'Bearer x' }, { authorization: 'Basic YTpi' }];
    for (const headers of attempts) {
      const nobody = new ContractClient(() => platform.url, headers);
      const { status, headers: answered } = await nobody.request(addressOf(route), { method: route.method });
      expect(status).toBe(401);
      expect(answered.get('www-authenticate')).toMatch(/^Bearer/);
    }
  });

  it.each(ROUTES.filter(({ access }) => access === 'operator').map(named))(
    '%s › is not for users',
    async (_name, route) => {
      const { status } = await clients.user.request(addressOf(route), { method: route.method, ...bodyOf(route) });
      expect(status).toBe(403);
    },
  );
});

describe('another method', () => {
  it('gets 405 with the methods that there are', async () => {
    const methods: Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
    for (const path of new Set(ROUTES.map((route) => route.path))) {
      const taken = ROUTES.filter((route) => route.path === path).map(({ method }) => method);
      for (const method of methods.filter((name) => !taken.includes(name))) {
        const { status, headers } = await clients.user.request(path.replace(/\{\w+\}/g, SOMEBODY), { method });
        expect(status, `${method} ${path}`).toBe(405);
        expect(headers.get('allow')?.split(', ')).toEqual(expect.arrayContaining(taken));
      }
    }
  });
});

function named(route: RouteSpec): [string, RouteSpec] {
  return [`${route.method} ${route.path}`, route];
}

function addressOf({ path }: RouteSpec): string {
  return path.replace(/\{\w+\}/g, SOMEBODY);
}

function bodyOf({ body }: RouteSpec): { body?: unknown } {
  return body ? { body: EXAMPLES[body.name] } : {};
}

function queryOf({ query }: RouteSpec): object {
  return query ? new query() : {};
}

/** An example with one of its values replaced by anything. */
function spoilt(example: unknown): fc.Arbitrary<unknown> {
  const places = placesOf(example, []);
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom('\ud800', '\0', 'a'.repeat(20_000), -1, 0.5, 2 ** 53, 1e308, '', ' ', '../..', '*', '__proto__'),
  );
  return fc.tuple(fc.constantFrom(...places), anything).map(([place, value]) => replaced(example, place, value));
}

function placesOf(value: unknown, path: readonly string[]): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => placesOf(child, [...path, key]))];
}

function replaced(value: unknown, [first, ...rest]: readonly string[], by: unknown): unknown {
  if (first === undefined) return by;
  const fields = value as Record<string, unknown>;
  const next = replaced(fields[first], rest, by);
  return Array.isArray(value)
    ? value.map((item, k) => (String(k) === first ? next : item))
    : { ...fields, [first]: next };
}
