import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import { accountKeyOf } from '#contracts/ids.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { connectBus } from '#eventing/bus.js';
import { LogReader } from '#eventing/log-reader.js';
import { aLog } from '../../../libs/eventing/test/a-bus.js';
import { Audit } from '../src/policy/audit.js';
import { authorization, type Kit, read, startKit, WISH } from './gateway-kit.js';

const ADULT = { ...WISH, metadata: { prompt: 'porn' } };
const NEVER = { ...WISH, metadata: { prompt: 'nude child' } };

let kit: Kit;
let withoutAdult: string;

beforeAll(async () => {
  kit = await startKit({ SERVED_ROUTES: 'sdxl', ALLOW_ADULT: 'true', INITIAL_CREDITS: '100' });
  withoutAdult = (await kit.startAnother({ ALLOW_ADULT: 'false' })).url;
});
afterAll(() => kit?.close());

async function ask(url: string, body: unknown, claims: Record<string, unknown> = {}, userId = 'alice') {
  const headers = await authorization(userId, claims);
  return fetch(`${url}/api/queue-job`, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Events on the audit subject of one user. */
async function refusalsOf(userId: string) {
  const lines = await new LogReader(kit.bus, ACCOUNT_STREAM.name).read(1, 1_000);
  return lines.filter(({ subject }) => subject === `ourvidz.audit.${accountKeyOf(userId)}`);
}

describe('adult content', () => {
  it('is taken where the operator allows it and the token says so', async () => {
    expect((await ask(kit.url, ADULT, { adult: true })).status).toBe(200);
  });

  it.each([
    ['the claim is missing', () => kit.url, {}, 'the token has no claim'],
    ['the claim is no boolean', () => kit.url, { adult: 'true' }, 'the token has no claim'],
    ['the operator does not allow it', () => withoutAdult, { adult: true }, 'ALLOW_ADULT is not set'],
    ['both are missing', () => withoutAdult, {}, 'ALLOW_ADULT is not set on this server, and the token'],
  ])('is refused when %s, and details says so', async (_, url, claims, details) => {
    const response = await ask(url(), ADULT, claims);
    expect(response.status).toBe(422);
    const body = await read<ErrorBody>(response);
    expect(body).toMatchObject({ code: 'content_policy', retryable: false });
    expect(body.details).toContain(details);
  });
});

describe('sexual content involving minors', () => {
  it('is refused whatever operator and token say', async () => {
    const response = await ask(kit.url, NEVER, { adult: true });
    expect(response.status).toBe(422);
    expect(await read<ErrorBody>(response)).toMatchObject({ code: 'content_policy', retryable: false });
  });

  it('is refused in a negative prompt as well', async () => {
    const metadata = { prompt: 'nude woman', negative_prompt: 'adult, mature' };
    expect((await ask(kit.url, { ...WISH, metadata }, { adult: true })).status).toBe(422);
  });
});

describe('a refusal', () => {
  it('is kept for the operator without the text', async () => {
    await ask(kit.url, NEVER, {}, 'bob');
    const [kept] = await vi.waitFor(async () => {
      const found = await refusalsOf('bob');
      expect(found).toHaveLength(1);
      return found;
    });
    expect(kept?.cloudEventType).toBe('com.ourvidz.audit.request-refused.v1');
    expect(kept?.subjectId).toBe(accountKeyOf('bob'));
    expect(kept?.data).toEqual({
      accountKey: accountKeyOf('bob'),
      userId: 'bob',
      category: 'minors',
      rule: 'minors-and-sexual',
      route: 'POST /api/queue-job',
      count: 1,
    });
  });

  it('that comes again and again makes no event each, and none is forgotten when the gateway stops', async () => {
    const other = await kit.startAnother();
    for (let n = 0; n < 20; n += 1) await ask(other.url, NEVER, {}, 'carol');
    await other.stop();
    const counts = (await refusalsOf('carol')).map(({ data }) => (data as { count: number }).count);
    expect(counts).toEqual([1, 19]);
  });
});

describe('a refusal that cannot be kept', () => {
  it('is an error in the log, without the text', async () => {
    const { log, lines } = aLog();
    const bus = await connectBus({ url: kit.nats.url, service: 'gateway', log });
    const { state, config } = await kit.bus.jsm.streams.info(ACCOUNT_STREAM.name);
    await kit.bus.jsm.streams.update(ACCOUNT_STREAM.name, { max_bytes: state.bytes });
    const caller = { userId: 'dave', accountKey: accountKeyOf('dave'), isOperator: false, isAdult: false };
    new Audit(bus).refused({ category: 'minors', rule: 'minors-phrase' }, caller, {
      route: 'POST /x',
      traceparent: '',
    });
    await vi.waitFor(() => expect(lines.map(({ msg }) => msg)).toContain('a refusal could not be kept'), 5_000);
    await kit.bus.jsm.streams.update(ACCOUNT_STREAM.name, { max_bytes: config.max_bytes });
    await bus.close();
  });
});

describe('while NATS is away', () => {
  it('a refusal is answered at once all the same', async () => {
    const other = await startKit({ SERVED_ROUTES: 'sdxl' });
    await ask(other.url, NEVER);
    await other.nats.server.kill();
    const startedAt = performance.now();
    const response = await ask(other.url, NEVER, {}, 'dave');
    expect(response.status).toBe(422);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await other.nats.server.restart();
    await other.close();
  });
});
