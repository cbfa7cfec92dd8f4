import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failJob } from '#contracts/domain/job-decisions.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { JobReceipt } from '#contracts/http/receipts.js';
import { checkReceipt, parsePublicKey } from '../src/receipts/receipt-check.js';
import { ReceiptIssuer } from '../src/receipts/receipt-issuer.js';
import { signedText } from '../src/receipts/signed-text.js';
import { parseSigningKey, receiptKeyOf } from '../src/receipts/signing-key.js';
import { type Fixture, openFixture, startLeader, untilProjected } from './jobs-fixture.js';
import { SomeAccounts } from './some-accounts.js';
import { aRequest, cancel, start, work } from './some-jobs.js';

/** The key of RFC 8032, test 1; its thumbprint stands in RFC 8037, appendix A.3. */
const SEED = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
const KEY_ID = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k';

const signing = parseSigningKey(SEED);
const publicKey = createPublicKey(signing?.public.public_key ?? '');

let fixture: Fixture;
let accounts: SomeAccounts;
let issuer: ReceiptIssuer;
const leaders: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  fixture = await openFixture();
  accounts = new SomeAccounts(fixture.bus);
  issuer = new ReceiptIssuer(fixture.database, signing);
  leaders.push(startLeader(fixture));
});
afterAll(async () => {
  for (const leader of leaders) await leader.stop();
  await fixture.close();
});

/** A job of a user who has no other. */
async function requested(): Promise<JobRequested> {
  const user = randomUUID();
  await accounts.grant(user, 100);
  const request = await accounts.reservedRequest(user);
  await fixture.store.request(request);
  return request;
}

async function completed(): Promise<string> {
  const request = await requested();
  await work(
    fixture.store,
    request,
    4,
    [4, 5].map((index) => ({ index, reason: 'black' })),
  );
  return settled(request);
}

async function settled({ userId, jobId }: JobRequested): Promise<string> {
  await accounts.untilSettled(userId);
  await untilProjected(fixture);
  return jobId;
}

async function receiptOf(jobId: string): Promise<JobReceipt> {
  const answer = await issuer.receipt(jobId);
  if (answer.outcome !== 'signed') throw new Error(answer.outcome);
  return answer.receipt;
}

describe('when a job was completed', () => {
  test('its receipt names the head of its chain, its files, its engine, and what was charged', async () => {
    const jobId = await completed();
    const { statement, signature } = await receiptOf(jobId);
    const rows = await fixture.database.query<{ position: number; hash: Buffer }>(
      'select position, hash from events where subject_id = $1 order by position',
      [jobId],
    );
    const head = rows.at(-1);
    expect(statement).toMatchObject({ job_id: jobId, status: 'completed', credits: 4, engine: { model: 'preview' } });
    expect(statement.assets.map(({ index, sha256 }) => [index, sha256])).toEqual(
      [0, 1, 2, 3].map((index) => [index, 'ab'.repeat(32)]),
    );
    const chain = { head: head?.hash.toString('hex'), position: head?.position, events: rows.length };
    expect(statement.chain).toMatchObject(chain);
    expect(signature).toMatchObject({ algorithm: 'Ed25519', key_id: KEY_ID });
  });

  test('it is the same receipt every time, until something happens to the job', async () => {
    const jobId = await completed();
    const first = await receiptOf(jobId);
    expect(await receiptOf(jobId)).toEqual(first);
    await fixture.store.deleteAsset(jobId, 0, 'alice');
    await untilProjected(fixture);
    const second = await receiptOf(jobId);
    expect(second.statement).toEqual({ ...first.statement, chain: second.statement.chain });
    expect(second.statement.chain.events).toBe(first.statement.chain.events + 1);
  });
});

describe('when a job ended otherwise', () => {
  test('cancelled before anybody began it › nothing was charged, and no engine is named', async () => {
    const request = await requested();
    await cancel(fixture.store, request.jobId);
    const jobId = await settled(request);
    const none = { status: 'cancelled', credits: 0, engine: null, assets: [] };
    expect((await receiptOf(jobId)).statement).toMatchObject(none);
  });

  test('failed › it says so', async () => {
    const request = await requested();
    const { jobId } = request;
    await start(fixture.store, jobId);
    await fixture.store.execute(jobId, (job) => failJob(job, { code: 'x', message: 'x', retryable: false }));
    await settled(request);
    expect((await receiptOf(jobId)).statement).toMatchObject({ status: 'failed', credits: 0 });
  });
});

describe('there is no receipt', () => {
  test('of a job that runs, of one without credits, and of none', async () => {
    const { jobId } = await requested();
    const unreserved = aRequest();
    await fixture.store.request(unreserved);
    await cancel(fixture.store, unreserved.jobId);
    await untilProjected(fixture);
    for (const id of [jobId, unreserved.jobId, '01900000-0000-7000-8000-000000000000'])
      expect(await issuer.receipt(id)).toEqual({ outcome: 'not_ready' });
  });

  test('without a key', async () => {
    const { jobId } = await requested();
    expect(await new ReceiptIssuer(fixture.database, undefined).receipt(jobId)).toEqual({ outcome: 'off' });
  });
});

describe('who has the public key and nothing else', () => {
  let receipt: JobReceipt;
  beforeAll(async () => {
    receipt = await receiptOf(await completed());
  });

  test('finds the receipt sound, however its file is laid out', () => {
    const shuffled = { signature: receipt.signature, statement: Object.fromEntries(reversed(receipt.statement)) };
    for (const text of [JSON.stringify(receipt), JSON.stringify(shuffled, undefined, 4)]) {
      expect(checkReceipt(text, publicKey)).toMatchObject({ valid: true, keyId: KEY_ID });
    }
  });

  test('finds any change of what it says', () => {
    const changed = fc
      .constantFrom(...placesOf(receipt.statement))
      .chain((place) => fc.jsonValue().map((value) => replaced(receipt.statement, place, value)));
    const property = fc.property(changed, (statement) => {
      fc.pre(signedText(statement) !== signedText(receipt.statement));
      expect(checkReceipt(JSON.stringify({ ...receipt, statement }), publicKey).valid).toBe(false);
    });
    fc.assert(property, { numRuns: 300 });
    const more = { ...receipt.statement, more: 1 };
    expect(checkReceipt(JSON.stringify({ ...receipt, statement: more }), publicKey).valid).toBe(false);
  });

  test.each([
    ['cut off', (text: string) => text.slice(0, -40), 'not JSON'],
    ['of something else', () => '{"a": 1}', 'no receipt'],
    ['null', () => 'null', 'no receipt'],
    ['nested without end', () => `{"statement": ${'['.repeat(900)}${']'.repeat(900)}}`, 'no receipt'],
    [
      'nested below what is known',
      (text: string) => text.replace('{"statement":{', `{"statement":{"x":${deep(900)},`),
      'nested',
    ],
  ])('is told what is wrong with a file that is %s', (_what, spoil, problem) => {
    const check = checkReceipt(spoil(JSON.stringify(receipt)), publicKey);
    expect(check).toMatchObject({ valid: false, problem: expect.stringContaining(problem) });
  });

  test('is told when it was signed with another key', () => {
    const other = generateKeyPairSync('ed25519').publicKey;
    const problem = expect.stringContaining('another key');
    expect(checkReceipt(JSON.stringify(receipt), other)).toMatchObject({ valid: false, problem });
    const signature = { ...receipt.signature, key_id: receiptKeyOf(other).key_id };
    const claimed = checkReceipt(JSON.stringify({ ...receipt, signature }), other);
    expect(claimed).toMatchObject({ valid: false, problem: expect.stringContaining('does not fit') });
  });

  test('may have it as PEM or as the API answers it, and needs no private key', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'pem', type: 'spki' });
    expect(parsePublicKey(JSON.stringify(signing?.public))?.equals(publicKey)).toBe(true);
    expect(parsePublicKey(signing?.public.public_key ?? '')?.equals(publicKey)).toBe(true);
    const wrong = [
      privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      rsa.toString(),
      '',
      '{',
      '{"public_key": 1}',
    ];
    for (const text of wrong) expect(parsePublicKey(text)).toBeUndefined();
  });
});

test('the text that is signed is that of RFC 8785', () => {
  const value = {
    '\u20ac': 'Euro',
    '\r': 1,
    '\u{1f600}': [true, null, 1e21, 4.5, 2e-3],
    '\ufb33': 'x',
    a: '\u000f\n"\\',
  };
  expect(signedText(value)).toBe(
    '{"\\r":1,"a":"\\u000f\\n\\"\\\\","\u20ac":"Euro","\u{1f600}":[true,null,1e+21,4.5,0.002],"\ufb33":"x"}',
  );
});

function reversed(value: object): [string, unknown][] {
  return Object.entries(value).reverse();
}

function deep(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}

function placesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, child]) => placesOf(child, [...path, key]))];
}

function replaced(value: unknown, [first, ...rest]: readonly string[], by: unknown): unknown {
  if (first === undefined) return by;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[first] = replaced(copy[first], rest, by);
  return copy;
}
