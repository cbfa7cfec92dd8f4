import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QueueJobAnswer } from '#contracts/http/answers.js';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import { authorization, type Kit, read, startKit, WISH } from './gateway-kit.js';

let kit: Kit;
let otherUrl: string;

beforeAll(async () => {
  kit = await startKit({ MAX_QUEUE_DEPTH: '1000' });
  otherUrl = (await kit.startAnother()).url;
});
afterAll(() => kit.close());

describe('a request with an idempotency key', () => {
  it('sent again gets the first answer, at any gateway, and makes no second job', async () => {
    const first = await keyed('again');
    const second = await keyed('again', { url: otherUrl, body: { metadata: WISH.metadata, jobType: WISH.jobType } });
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const [one, two] = [await read<QueueJobAnswer>(first), await read<QueueJobAnswer>(second)];
    expect(two.job).toMatchObject({ id: one.job.id, status: 'queued', metadata: { seeds: one.job.metadata.seeds } });
    expect(await kit.jobs.history(one.job.id)).toHaveLength(1);
  });

  it('sent fifty times at once through two gateways makes one job', async () => {
    const urls = [kit.url, otherUrl];
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => keyed('race', { url: urls[n % 2] })));
    const ids = await Promise.all(answers.map(async (answer) => (await read<QueueJobAnswer>(answer)).job.id));
    expect(new Set(ids).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
  });

  it('is refused with another body', async () => {
    await keyed('other-body');
    const reused = await keyed('other-body', { body: { ...WISH, metadata: { prompt: 'something else' } } });
    expect(reused.status).toBe(422);
    expect(await read<ErrorBody>(reused)).toMatchObject({ code: 'idempotency_key_reuse', retryable: false });
  });

  it('is another user’s own when another user sends it', async () => {
    const [alice, bob] = [await keyed('shared'), await keyed('shared', { user: 'bob' })];
    expect((await read<QueueJobAnswer>(alice)).job.id).not.toBe((await read<QueueJobAnswer>(bob)).job.id);
  });

  it('that was refused does not use the key up', async () => {
    const refused = await keyed('later', { body: { ...WISH, metadata: { prompt: '' } } });
    expect(refused.status).toBe(400);
    expect((await keyed('later')).status).toBe(200);
  });

  it.each(['', 'has space', 'x'.repeat(256), 'käse'])('is refused when the key is %j', async (key) => {
    const answer = await keyed(key);
    expect(answer.status).toBe(400);
    expect((await read<ErrorBody>(answer)).details).toContain('Idempotency-Key');
  });
});

async function keyed(key: string, over: { url?: string; body?: unknown; user?: string } = {}): Promise<Response> {
  const { url = kit.url, body = WISH, user = 'alice' } = over;
  const headers = { ...(await authorization(user)), 'content-type': 'application/json', 'idempotency-key': key };
  return fetch(`${url}/api/queue-job`, { method: 'POST', headers, body: JSON.stringify(body) });
}
