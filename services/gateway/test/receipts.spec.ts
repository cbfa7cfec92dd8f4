import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ErrorBody } from '#contracts/http/error-codes.js';
import type { JobReceipt, ReceiptKey } from '#contracts/http/receipts.js';
import type { ReceiptAnswer } from '#contracts/queries.js';
import { EXAMPLES } from '../../../libs/contracts/documents/examples.js';
import { get, type Kit, queued, read, startKit, TestWorker } from './gateway-kit.js';

const RECEIPT = EXAMPLES.JobReceipt as JobReceipt;
const KEY = EXAMPLES.ReceiptKey as ReceiptKey;

let kit: Kit;
let stop: () => void = () => undefined;
let answer: ReceiptAnswer = { outcome: 'off' };
let key: ReceiptKey | null = null;
let askedForKey = 0;

beforeAll(async () => {
  kit = await startKit();
});
beforeEach(async () => {
  stop();
  stop = await kit.answerQueries({
    'jobs.get': () => ({ job: null }),
    'jobs.receipt': () => answer,
    'receipts.key': () => {
      askedForKey++;
      return { key };
    },
  });
});
afterAll(async () => {
  stop();
  await kit.close();
});

async function receiptOf(id: string, userId = 'alice'): Promise<{ status: number; body: ErrorBody | JobReceipt }> {
  const response = await get(kit.url, `/api/jobs/${id}/receipt`, userId);
  return { status: response.status, body: await read(response) };
}

describe('GET /api/jobs/{id}/receipt', () => {
  it('before the job has ended › 409, to be asked again', async () => {
    const { id } = await queued(kit.url);
    const body = { code: 'receipt_not_ready', retryable: true, details: 'the job is queued' };
    expect(await receiptOf(id)).toMatchObject({ status: 409, body });
    expect((await get(kit.url, `/api/jobs/${id}/receipt`)).headers.get('retry-after')).toBe('2');
  });

  it('after its end › what the jobs service says', async () => {
    const { id } = await queued(kit.url);
    await new TestWorker(kit.jobs, kit.folder).make(id, 1);
    answer = { outcome: 'not_ready' };
    expect(await receiptOf(id)).toMatchObject({ status: 409, body: { code: 'receipt_not_ready' } });
    answer = { outcome: 'off' };
    expect(await receiptOf(id)).toMatchObject({ status: 503, body: { code: 'receipts_off', retryable: false } });
    answer = { outcome: 'signed', receipt: RECEIPT };
    expect(await receiptOf(id.toUpperCase())).toEqual({ status: 200, body: RECEIPT });
  });

  it("of another user's job, and of none › 404", async () => {
    const { id } = await queued(kit.url);
    for (const [jobId, user] of [
      [id, 'bob'],
      ['not-a-uuid', 'alice'],
    ] as const)
      expect(await receiptOf(jobId, user)).toMatchObject({ status: 404, body: { code: 'unknown_job' } });
  });

  it('while the jobs service is away › 503, worth retrying', async () => {
    const { id } = await queued(kit.url);
    await new TestWorker(kit.jobs, kit.folder).make(id, 1);
    stop();
    expect(await receiptOf(id)).toMatchObject({ status: 503, body: { code: 'lists_unavailable' } });
  });
});

describe('GET /api/receipt-key', () => {
  it('while the jobs service is away › 503, and the next request asks again', async () => {
    key = KEY;
    const other = await kit.startAnother();
    stop();
    await kit.bus.flushed();
    expect((await fetch(`${other.url}/api/receipt-key`)).status).toBe(503);
    stop = await kit.answerQueries({ 'receipts.key': () => ({ key }) });
    expect(await read(await fetch(`${other.url}/api/receipt-key`))).toEqual(KEY);
  });

  it('without a key › 503', async () => {
    key = null;
    const other = await kit.startAnother();
    const response = await fetch(`${other.url}/api/receipt-key`);
    expect(await read(response)).toMatchObject({ code: 'receipts_off' });
  });

  it('is public, and asks the jobs service once for many', async () => {
    key = KEY;
    askedForKey = 0;
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(`${kit.url}/api/receipt-key`)));
    for (const response of answers) expect(await read(response)).toEqual(KEY);
    expect(askedForKey).toBe(1);
  });
});
