import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failJob } from '#contracts/domain/job-decisions.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import { readDeadLetters } from '#eventing/dead-letters.js';
import { reject } from '#eventing/handled.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { pollUntil } from '#launcher/poll.js';
import { runEventsTool, type ToolRun } from '../../../test/support/events-tool.js';
import { failureOf } from '../src/dead-letters/dead-letter-handler.js';
import { type Fixture, openFixture, runProjections, writeLog } from './jobs-fixture.js';
import { SomeAccounts } from './some-accounts.js';

let fixture: Fixture;
let accounts: SomeAccounts;
/** Two letters of failed jobs, one whose job is still to be failed. */
let jobs: JobRequested[];

beforeAll(async () => {
  fixture = await openFixture();
  accounts = new SomeAccounts(fixture.bus);
  await accounts.grant('alice', 24);
  const { bus, store } = fixture;
  jobs = [];
  for (let job = 0; job < 3; job++) jobs.push(await accounts.reservedRequest('alice'));
  const stopping = new AbortController();
  const working = runWorkSlot(bus, 'sdxl', async () => reject('no such model'), stopping.signal);
  for (const request of jobs) await store.request(request);
  await pollUntil('three dead letters', 15_000, async () =>
    (await readDeadLetters(bus, 10)).letters.length === 3 ? true : undefined,
  );
  stopping.abort();
  await working;
  const failure = failureOf({ reason: 'terminated', detail: 'no such model' });
  for (const { jobId } of jobs.slice(0, 2)) await store.execute(jobId, (job) => failJob(job, failure));
  await writeLog(fixture);
  await runProjections(fixture.database);
});
afterAll(() => fixture.close());

async function deadLetters(...args: string[]): Promise<ToolRun & { answer: Record<string, unknown> }> {
  const { natsUrl: NATS_URL, databaseUrl: DATABASE_URL } = fixture;
  const run = await runEventsTool(['dead-letters', ...args, '--json'], { NATS_URL, DATABASE_URL });
  return { ...run, answer: run.stdout === '' ? {} : JSON.parse(run.stdout) };
}

describe('dead-letters', () => {
  test('list › tells the newest first, and what became of their jobs', async () => {
    const { code, answer } = await deadLetters('list');
    expect(code).toBe(0);
    const [first, second, third] = jobs.map(({ jobId }) => jobId);
    expect(answer.letters).toMatchObject([
      { place: 3, jobId: third, outcome: 'pending', reason: 'terminated', detail: 'no such model' },
      { place: 2, jobId: second, outcome: 'job_failed' },
      { place: 1, jobId: first, outcome: 'job_failed' },
    ]);
    expect((await deadLetters('list', '--limit', '1')).answer.letters).toHaveLength(1);
  });

  test('show › tells of one, without the prompt', async () => {
    const { code, stdout, answer } = await deadLetters('show', '1');
    expect([code, answer.userId, answer.error]).toEqual([0, 'alice', 'no such model']);
    expect(stdout).not.toContain('lighthouse');
    expect(await deadLetters('show', '99')).toMatchObject({ code: 4, stdout: '' });
    expect(await deadLetters('show', 'x')).toMatchObject({ code: 2, stdout: '' });
  });

  test('retry › makes one new job that names the old one, and reserves its credits', async () => {
    const before = (await accounts.of('alice')).balance;
    expect((await deadLetters('retry', '1', '--dry-run')).answer).toMatchObject({ done: false });
    expect(await deadLetters('retry', '1')).toMatchObject({ code: 4, stdout: '' });
    expect((await accounts.of('alice')).balance).toBe(before);
    const { code, answer } = await deadLetters('retry', '1', '--yes');
    expect([code, answer.done]).toEqual([0, true]);
    const again = (await deadLetters('retry', '1', '--yes')).answer;
    expect(again).toEqual({ ...answer, done: false });
    const job = await fixture.store.load(String(answer.jobId));
    const { jobId, ...asked } = jobs[0] as JobRequested;
    expect(job).toMatchObject({ status: 'queued', requested: { ...asked, retryOf: jobId } });
    const account = await accounts.of('alice');
    expect([account.balance, account.reservations[String(answer.jobId)]]).toEqual([before - 6, 6]);
  });

  test('retry › is refused when the job is still to be failed, and when there are no credits', async () => {
    expect(await deadLetters('retry', '3', '--yes')).toMatchObject({ code: 4, stdout: '' });
    await accounts.grant('alice', -(await accounts.of('alice')).balance);
    const { code, stderr } = await deadLetters('retry', '2', '--yes');
    expect([code, stderr]).toEqual([4, expect.stringContaining('insufficient_credits')]);
  });

  test('discard › puts it away; not while its job is still to be failed', async () => {
    expect((await deadLetters('discard', '2', '--dry-run')).answer).toEqual({ place: 2, done: false });
    expect(await deadLetters('discard', '2')).toMatchObject({ code: 4 });
    expect((await deadLetters('discard', '2', '--yes')).answer).toEqual({ place: 2, done: true });
    expect(await deadLetters('discard', '2', '--yes')).toMatchObject({ code: 4 });
    expect(await deadLetters('discard', '3', '--yes')).toMatchObject({ code: 4 });
    const { answer } = await deadLetters('list');
    expect((answer.letters as { place: number }[]).map(({ place }) => place)).toEqual([3, 1]);
  });
});
