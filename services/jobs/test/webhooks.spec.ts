import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { registerWebhook, removeWebhook, webhooksOf } from '#contracts/domain/webhooks.js';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { Proposed, WebhookEventData } from '#contracts/events/registry.js';
import type { Webhook } from '#contracts/events/webhook-events.js';
import { WebhookJobMessage, type WebhookTestMessage } from '#contracts/http/webhooks.js';
import { accountKeyOf, newWebhookId } from '#contracts/ids.js';
import { ACCOUNT_STREAM } from '#contracts/streams.js';
import { type JobEventToken, jobSubject, webhookSubject } from '#contracts/subjects.js';
import { DEFAULT_WEBHOOK_TOPICS, WEBHOOK_TOPIC_NAMES } from '#contracts/webhook-topics.js';
import { seal } from '#eventing/envelope.js';
import { SubjectStore } from '#eventing/subject-store.js';
import { pollUntil } from '#launcher/poll.js';
import { webhookSecret } from '#webhooks/secret.js';
import { Receiver, verified } from '../../../test/support/webhook-receiver.js';
import { JobsMetrics } from '../src/metrics.js';
import { listDeliveries, listDeliveriesStatement } from '../src/queries/delivery-lists.js';
import { DUE } from '../src/webhooks/delivery-statements.js';
import { MOST_ATTEMPTS, RETRYING_MS } from '../src/webhooks/retrying.js';
import { WebhookPlanner } from '../src/webhooks/webhook-planner.js';
import { type SenderSurroundings, WebhookSender } from '../src/webhooks/webhook-sender.js';
import { WebhooksController } from '../src/webhooks/webhooks.controller.js';
import { type Fixture, openFixture, silent, startLeader, untilProjected } from './jobs-fixture.js';
import { aRequest, cancel, makeJob, work } from './some-jobs.js';

const SECRET = 'a webhook secret of the tests, 32 bytes or more';
const PUBLIC_URL = 'https://ourvidz.example';
const settings = { secret: SECRET, allowHttp: true, allowPrivate: true, publicUrl: PUBLIC_URL };
const MINUTE = 60_000;

let fixture: Fixture;
let store: SubjectStore<keyof WebhookEventData>;
const receivers: Receiver[] = [];
/** The time of planners and senders, as far ahead of the real one as a test says. */
let ahead = 0;
const clock = () => Date.now() + ahead;

beforeAll(async () => {
  fixture = await openFixture();
  store = new SubjectStore(fixture.bus, ACCOUNT_STREAM);
});
afterEach(async () => {
  ahead = 0;
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
  await fixture.database.query('delete from webhook_deliveries');
});
afterAll(() => fixture?.close());

async function aReceiver(): Promise<Receiver> {
  const receiver = await Receiver.start();
  receivers.push(receiver);
  return receiver;
}

/** Every test has a user of its own. */
let users = 0;
function aUser() {
  const userId = `user-${++users}`;
  return { userId, accountKey: accountKeyOf(userId) };
}
type User = ReturnType<typeof aUser>;

async function register({ accountKey }: User, url: string, over: Partial<Webhook> = {}): Promise<Webhook> {
  const createdAt = new Date().toISOString();
  const webhook = { id: newWebhookId(), url, events: [...DEFAULT_WEBHOOK_TOPICS], createdAt, ...over };
  const place = { subject: webhookSubject(accountKey), subjectId: webhook.id };
  const { outcome } = await store.execute(place, (last) => registerWebhook(last, accountKey, webhook));
  expect(outcome).toBe('appended');
  return webhook;
}

async function remove({ accountKey }: User, { id }: Webhook): Promise<void> {
  const place = { subject: webhookSubject(accountKey), subjectId: id };
  await store.execute(place, (last) => removeWebhook(last, { accountKey, id }, { reason: 'deleted' }));
}

/** Brings everything into the log and the projections, and delivers nothing. */
async function project(): Promise<void> {
  const leader = startLeader(fixture);
  await untilProjected(fixture);
  await leader.stop();
}

function aPlanner(): WebhookPlanner {
  const { database } = fixture;
  const onPlanned = () => undefined;
  return new WebhookPlanner({
    database,
    publicUrl: PUBLIC_URL,
    clock,
    metrics: new JobsMetrics(),
    log: silent,
    onPlanned,
  });
}

async function plan(planner = aPlanner()): Promise<void> {
  while (await planner.advance());
}

function aSender(over: Partial<SenderSurroundings> = {}): WebhookSender {
  const { database } = fixture;
  const common = { database, store, settings, clock, metrics: new JobsMetrics(), log: silent, random: () => 0 };
  return new WebhookSender({ ...common, ...over });
}

/** One round of all that is due; resolves with how many that were. */
async function deliver(sender = aSender()): Promise<number> {
  const started = await sender.startDue(new AbortController().signal);
  await sender.settled();
  return started;
}

async function deliveriesTo({ accountKey }: User, { id: webhookId }: Webhook) {
  return (await listDeliveries(fixture.database, { accountKey, webhookId, limit: 50 })).deliveries;
}

/** A user with a webhook and a finished job, all of it in the log. */
async function aFinishedJob(receiver: Receiver) {
  const user = aUser();
  const webhook = await register(user, receiver.url);
  const job = await makeJob(fixture.store, user);
  await project();
  await plan();
  return { user, webhook, job };
}

describe('while a leader works', () => {
  test('a finished job › is posted to its owner’s webhook, signed, as the contract says', async () => {
    const [receiver, stranger] = [await aReceiver(), await aReceiver()];
    const [alice, bob] = [aUser(), aUser()];
    const leader = startLeader(fixture, settings);
    const webhook = await register(alice, receiver.url);
    await register(bob, stranger.url);
    const job = await makeJob(fixture.store, { ...alice, clientMetadata: { order: 7 } }, 2);
    const [received] = await receiver.until(1);
    if (!received) throw new Error('nothing was received');
    const message = verified<WebhookJobMessage>(webhookSecret(SECRET, webhook.id), received);
    expect(
      validateSync(plainToInstance(WebhookJobMessage, message), { whitelist: true, forbidNonWhitelisted: true }),
    ).toEqual([]);
    expect(message).toMatchObject({
      type: 'job.completed',
      data: {
        id: job.jobId,
        user_id: alice.userId,
        status: 'completed',
        metadata: { order: 7 },
        assets: [{ index: 0 }, { index: 1 }],
        urls: { self: `${PUBLIC_URL}/api/jobs/${job.jobId}` },
      },
    });
    expect(received.body).not.toContain(job.prompt.text);
    expect(received.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'OurVidz-Webhooks/1' });
    await pollUntil('the delivery to be recorded', 5_000, async () => {
      const [delivery] = await deliveriesTo(alice, webhook);
      return delivery?.status === 'delivered' ? delivery : undefined;
    });
    await leader.stop();
    expect(receiver.received).toHaveLength(1);
    expect(stranger.received).toEqual([]);
  });

  test('every webhook hears of what it asked for', async () => {
    const [all, started] = [await aReceiver(), await aReceiver()];
    const user = aUser();
    const leader = startLeader(fixture, settings);
    await register(user, all.url, { events: [...WEBHOOK_TOPIC_NAMES] });
    await register(user, started.url, { events: ['job.started'] });
    const [cancelled, completed] = [aRequest(user), aRequest(user)];
    for (const request of [cancelled, completed]) await fixture.store.request(request);
    await cancel(fixture.store, cancelled.jobId);
    await work(fixture.store, completed);
    const types = (await all.until(3)).map(({ body }) => JSON.parse(body).type);
    expect(types.sort()).toEqual(['job.cancelled', 'job.completed', 'job.started']);
    expect((await started.until(1)).map(({ body }) => JSON.parse(body).data.status)).toEqual(['processing']);
    await leader.stop();
  });
});

describe('a delivery that fails', () => {
  test('is tried again later and later under the same id, signed anew, until it is given up', async () => {
    const receiver = await aReceiver();
    receiver.answer(500);
    const { user, webhook } = await aFinishedJob(receiver);
    const waits: number[] = [];
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      expect(await deliver()).toBe(1);
      expect(await deliver(), 'before its time').toBe(0);
      const [delivery] = await deliveriesTo(user, webhook);
      const next = delivery?.next_attempt_at;
      if (next) waits.push(Math.round((Date.parse(next) - clock()) / 1_000));
      if (next) ahead = Date.parse(next) - Date.now() + 1;
    }
    expect(waits).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]);
    ahead += 30 * 24 * 60 * MINUTE;
    expect(await deliver()).toBe(0);
    expect(receiver.received).toHaveLength(MOST_ATTEMPTS);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(1);
    const timestamps = receiver.received.map(({ timestamp }) => timestamp);
    expect(new Set(timestamps).size).toBe(MOST_ATTEMPTS);
    const [delivery] = await deliveriesTo(user, webhook);
    expect(delivery).toMatchObject({ id: receiver.received[0]?.id, status: 'failed', next_attempt_at: null });
    expect(delivery?.attempts).toHaveLength(MOST_ATTEMPTS);
    expect(delivery?.attempts[0]).toEqual({
      attempt: 1,
      at: expect.any(String),
      duration_ms: expect.any(Number),
      status_code: 500,
      error: 'answered 500',
    });
  });

  test('and then succeeds › has both tries in its log, and keeps no body', async () => {
    const receiver = await aReceiver();
    receiver.answer(429, { 'retry-after': '600' });
    const { user, webhook } = await aFinishedJob(receiver);
    await deliver();
    ahead = 5 * MINUTE;
    expect(await deliver()).toBe(0);
    ahead = 11 * MINUTE;
    receiver.answer(204);
    expect(await deliver()).toBe(1);
    const [delivery] = await deliveriesTo(user, webhook);
    expect(delivery).toMatchObject({
      status: 'delivered',
      attempts: [{ status_code: 429 }, { status_code: 204, error: null }],
    });
    expect(await fixture.database.query('select body from webhook_deliveries')).toEqual([{ body: null }]);
  });

  test('with 410 › removes its webhook, and what waits for it is dropped', async () => {
    const receiver = await aReceiver();
    const { user, webhook } = await aFinishedJob(receiver);
    await makeJob(fixture.store, user);
    await project();
    receiver.respond = (response, { id }) => void response.writeHead(id === receiver.received[0]?.id ? 410 : 500).end();
    await plan();
    expect(await deliver()).toBe(2);
    expect(webhooksOf((await store.read(webhookSubject(user.accountKey))).event)).toEqual([]);
    await project();
    await plan();
    const statuses = (await deliveriesTo(user, webhook)).map(({ status }) => status);
    expect(statuses.sort()).toEqual(['dropped', 'failed']);
    ahead = 60 * MINUTE;
    expect(await deliver()).toBe(0);
  });
});

describe('when a process dies or another one takes over', () => {
  test('in the middle of a try › it is made again under the same id, and counts once', async () => {
    const receiver = await aReceiver();
    receiver.respond = () => undefined;
    const { user, webhook } = await aFinishedJob(receiver);
    const [dying, stopping] = [aSender(), new AbortController()];
    await dying.startDue(stopping.signal);
    await receiver.until(1);
    stopping.abort();
    await dying.settled();
    receiver.answer(200);
    expect(await deliver()).toBe(1);
    expect(receiver.received.map(({ id }) => id)).toEqual([receiver.received[0]?.id, receiver.received[0]?.id]);
    expect(await deliveriesTo(user, webhook)).toMatchObject([{ status: 'delivered', attempts: [{ attempt: 1 }] }]);
  });

  test('two that plan and send at once › plan once, send under one id, and record one try', async () => {
    const receiver = await aReceiver();
    const user = aUser();
    const webhook = await register(user, receiver.url);
    await Promise.all([makeJob(fixture.store, user), makeJob(fixture.store, user)]);
    await project();
    await Promise.all([plan(), plan()]);
    await Promise.all([deliver(), deliver()]);
    const deliveries = await deliveriesTo(user, webhook);
    expect(deliveries.map(({ status, attempts }) => [status, attempts.length])).toEqual([
      ['delivered', 1],
      ['delivered', 1],
    ]);
    expect(new Set(receiver.received.map(({ id }) => id))).toEqual(new Set(deliveries.map(({ id }) => id)));
  });

  test('the log is planned from its beginning again › nothing is sent twice', async () => {
    const receiver = await aReceiver();
    const { user, webhook } = await aFinishedJob(receiver);
    await deliver();
    const before = await deliveriesTo(user, webhook);
    await fixture.database.query('update webhook_checkpoint set position = 0');
    await plan();
    await deliver();
    expect(await deliveriesTo(user, webhook)).toEqual(before);
    expect(receiver.received).toHaveLength(1);
  });
});

describe('what is announced', () => {
  test('nothing that happened before the webhook was registered', async () => {
    const receiver = await aReceiver();
    const user = aUser();
    await makeJob(fixture.store, user);
    const webhook = await register(user, receiver.url, { createdAt: new Date(Date.now() + 1).toISOString() });
    await project();
    await plan();
    expect(await deliveriesTo(user, webhook)).toEqual([]);
  });

  test('what happened after the registration and was logged before it', async () => {
    const receiver = await aReceiver();
    const user = aUser();
    const createdAt = new Date(Date.now() - 1_000).toISOString();
    await makeJob(fixture.store, user);
    await project();
    await plan();
    const webhook = await register(user, receiver.url, { createdAt });
    await project();
    await plan();
    expect(await deliveriesTo(user, webhook)).toMatchObject([{ event: 'job.completed', status: 'pending' }]);
  });

  test('nothing for a webhook that was removed, also what waited', async () => {
    const receiver = await aReceiver();
    const { user, webhook } = await aFinishedJob(receiver);
    await remove(user, webhook);
    await makeJob(fixture.store, user);
    await project();
    expect(await deliver(), 'as soon as it is projected').toBe(0);
    await plan();
    expect(await deliveriesTo(user, webhook)).toMatchObject([{ status: 'dropped' }]);
    expect(receiver.received).toEqual([]);
  });

  test('nothing that is older than the last try would be', async () => {
    const receiver = await aReceiver();
    const user = aUser();
    const webhook = await register(user, receiver.url);
    await makeJob(fixture.store, user);
    await project();
    ahead = RETRYING_MS + MINUTE;
    await plan();
    expect(await deliveriesTo(user, webhook)).toEqual([]);
  });
});

describe('a slow receiver', () => {
  test('holds few places, and the others get theirs at once', async () => {
    const [slow, quick] = [await aReceiver(), await aReceiver()];
    slow.respond = () => undefined;
    const [patient, other] = [aUser(), aUser()];
    await register(patient, slow.url);
    await register(other, quick.url);
    await Promise.all(Array.from({ length: 8 }, () => makeJob(fixture.store, patient, 1)));
    await makeJob(fixture.store, other, 1);
    await project();
    await plan();
    const [sender, stopping] = [aSender(), new AbortController()];
    expect(await sender.startDue(stopping.signal)).toBe(5);
    await Promise.all([slow.until(4), quick.until(1)]);
    expect(await sender.startDue(stopping.signal)).toBe(0);
    expect(slow.received).toHaveLength(4);
    stopping.abort();
    await sender.settled();
  });
});

describe('a test message', () => {
  test('is sent to its webhook, and no second one while it waits', async () => {
    const receiver = await aReceiver();
    const user = aUser();
    const webhook = await register(user, receiver.url);
    await project();
    const controller = new WebhooksController(fixture.database);
    const command = { accountKey: user.accountKey, webhookId: webhook.id };
    const first = await controller.test(command);
    expect(await controller.test(command)).toEqual(first);
    expect(await deliver()).toBe(1);
    const [received] = receiver.received;
    if (!received) throw new Error('nothing was received');
    const message = verified<WebhookTestMessage>(webhookSecret(SECRET, webhook.id), received);
    expect(message).toMatchObject({ type: 'webhook.test', data: { webhook_id: webhook.id } });
    expect(received.id).toBe(first.id);
    expect((await controller.test(command)).id).not.toBe(first.id);
  });
});

describe('the log of deliveries', () => {
  test('has pages, newest first, of one webhook only', async () => {
    const receiver = await aReceiver();
    const user = aUser();
    const [webhook] = [await register(user, receiver.url), await register(user, receiver.url)];
    for (let count = 0; count < 3; count++) await makeJob(fixture.store, user, 1);
    await project();
    await plan();
    const ask = { accountKey: user.accountKey, webhookId: webhook.id, limit: 2 };
    const first = await listDeliveries(fixture.database, ask);
    const second = await listDeliveries(fixture.database, { ...ask, cursor: first.nextCursor ?? undefined });
    const all = [...first.deliveries, ...second.deliveries];
    expect([first.deliveries.length, second.deliveries.length, second.nextCursor]).toEqual([2, 1, null]);
    expect(new Set(all.map(({ job_id }) => job_id)).size).toBe(3);
    expect((await listDeliveries(fixture.database, { ...ask, accountKey: 'mallory' })).deliveries).toEqual([]);
  });

  test('forgets after 30 days what has ended', async () => {
    const receiver = await aReceiver();
    const { user, webhook } = await aFinishedJob(receiver);
    await deliver();
    const [sender, stopping] = [aSender(), new AbortController()];
    ahead = 31 * 24 * 60 * MINUTE;
    const running = sender.run(stopping.signal);
    await pollUntil('the delivery to be forgotten', 5_000, async () =>
      (await deliveriesTo(user, webhook)).length === 0 ? true : undefined,
    );
    stopping.abort();
    await running;
  });

  test('and what is due are read by an index, however much waits', async () => {
    await fixture.database.query(`insert into webhook_deliveries
        (id, webhook_id, account_key, type, status, body, next_attempt_at, created_at)
      select gen_random_uuid(), ('00000000-0000-7000-8000-' || lpad((n % 40)::text, 12, '0'))::uuid, 'a', 'job.failed',
             'pending', 'x', now() + (n % 7 - 5) * interval '1 minute', now() - n * interval '1 second'
        from generate_series(1, 20000) n`);
    await fixture.database.query('analyze webhook_deliveries');
    const webhookId = '00000000-0000-7000-8000-000000000007';
    const list = listDeliveriesStatement({ accountKey: 'a', webhookId, limit: 20 });
    for (const [text, values] of [
      [DUE, [new Date(), [], [], 4, 256]],
      [list.text, list.values],
    ] as const) {
      const rows = await fixture.database.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values);
      const queryPlan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(queryPlan).not.toContain('Seq Scan on webhook_deliveries');
      expect(queryPlan).toMatch(/Index Scan using webhook_deliveries_(due|log)/);
    }
  });
});

describe('an event that cannot be told', () => {
  test('keeps back nothing else', async () => {
    const receiver = await aReceiver();
    const user = aUser();
    const webhook = await register(user, receiver.url);
    const broken = aRequest(user);
    await fixture.store.request(broken);
    // A worker's mistake: events without what they must have.
    await publish(broken, 'asset', { type: 'AssetStored', data: { jobId: broken.jobId } });
    await publish(broken, 'completed', { type: 'JobCompleted', data: { jobId: broken.jobId } });
    const sound = await makeJob(fixture.store, user);
    await project();
    await plan();
    expect((await deliveriesTo(user, webhook)).map(({ job_id }) => job_id)).toEqual([sound.jobId]);
  });

  async function publish({ jobId, lane }: JobRequested, token: JobEventToken, event: object): Promise<void> {
    const { headers, payload } = seal(event as Proposed, { source: 'test', subjectId: jobId });
    const reply = await fixture.bus.nc.request(jobSubject('sdxl', lane, token, jobId), payload, {
      headers,
      timeout: 2_000,
    });
    expect(reply.json()).toHaveProperty('seq');
  }
});
