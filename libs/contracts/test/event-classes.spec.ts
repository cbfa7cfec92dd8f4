import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { describe, expect, it } from 'vitest';
import {
  chargeCredits,
  emptyAccount,
  grantCredits,
  releaseCredits,
  reserveCredits,
} from '#contracts/domain/account.js';
import type { Job } from '#contracts/domain/job.js';
import {
  cancelJob,
  completeJob,
  type Decision,
  deleteAsset,
  type Enhancement,
  enhancePrompt,
  failJob,
  favoriteAsset,
  requestJob,
  startJob,
  storeAsset,
} from '#contracts/domain/job-decisions.js';
import { registerWebhook, removeWebhook, type WebhookDecision, type WebhookEvent } from '#contracts/domain/webhooks.js';
import { EVENT_CLASSES } from '#contracts/events/event-classes.js';
import { CLOUD_EVENT_TYPES, type EventType, eventTypeOf, type Proposed } from '#contracts/events/registry.js';
import { JOB_CATALOGUE, JOB_TYPES } from '#contracts/job-catalogue.js';
import { WEBHOOK_TOPIC_NAMES } from '#contracts/webhook-topics.js';
import { asset, ENGINE, FAILURE, historyOf, JOB_ID, REQUEST, TIMINGS } from './a-history.js';

type Given = Job | undefined;
const missing = [{ index: 1, reason: 'black picture' }];
const completion = { attempt: 1, timings: TIMINGS, engine: ENGINE, missing, urlOf: (key: string) => `http://h/${key}` };
const video = asset(2, { mediaType: 'video/mp4', durationSeconds: 5.19 });
const enhance =
  (result: Pick<Enhancement, 'enhanced' | 'skipped'>) =>
  (job: Given): Decision =>
    enhancePrompt(job, { ...result, model: 'qwen', durationMs: 5 });
const begin = [
  (job: Given) => requestJob(job, REQUEST),
  (job: Given) => startJob(job, { worker: 'w1', engine: ENGINE }),
];
const histories = [
  historyOf(
    ...begin,
    (job) => storeAsset(job, 1, asset(0)),
    (job) => storeAsset(job, 1, video),
    (job) => completeJob(job, completion),
    (job) => favoriteAsset(job, 2, true, 'alice'),
    (job) => deleteAsset(job, 0, 'alice'),
  ),
  historyOf(...begin, (job) => failJob(job, FAILURE)),
  historyOf(
    (job) => requestJob(job, REQUEST),
    (job) => failJob(job, FAILURE),
  ),
  historyOf(...begin, (job) => cancelJob(job, 'alice')),
  historyOf((job) => requestJob(job, REQUEST), enhance({ enhanced: { text: 'more' } })),
  historyOf((job) => requestJob(job, REQUEST), enhance({ skipped: 'timeout' })),
  ...JOB_TYPES.map((jobType) =>
    historyOf((job) =>
      requestJob(job, {
        ...REQUEST,
        jobType,
        config: JOB_CATALOGUE[jobType].config,
        bucket: jobType,
        projectId: JOB_ID,
      }),
    ),
  ),
];
const rich = { ...emptyAccount('a'.repeat(32)), balance: 5, reservations: { [JOB_ID]: 3 } };
const ledger = [
  grantCredits(rich, { amount: -2, reason: 'correction', grantedBy: 'bob', userId: 'alice' }),
  reserveCredits(rich, assetOwner(), 2),
  chargeCredits(rich, JOB_ID, 1),
  releaseCredits(rich, JOB_ID),
].flatMap((decision) => (decision.decided === 'append' ? [decision.event] : []));
const refusal: Proposed<'RequestRefused'> = {
  type: 'RequestRefused',
  data: { accountKey: 'a', userId: 'alice', category: 'adult', rule: 'adult-nudity', route: 'POST /x', count: 1 },
};
const webhook = { id: JOB_ID, url: 'https://h/x', events: [...WEBHOOK_TOPIC_NAMES], createdAt: '2026-01-01T00:00:00Z' };
const registered = registerWebhook(undefined, 'a', webhook);
const webhooks = [
  registered,
  removeWebhook(asLast(registered), { accountKey: 'a', id: webhook.id }, { reason: 'deleted', removedBy: 'alice' }),
  removeWebhook(asLast(registered), { accountKey: 'a', id: webhook.id }, { reason: 'gone' }),
].flatMap((decision) => (decision.decided === 'append' ? [decision.event] : []));
const project = {
  ...{ projectId: JOB_ID, accountKey: 'a', createdAt: webhook.createdAt, requestHash: 'ab' },
  ...{ originalPrompt: { text: 'x' }, enhancedPrompt: { text: 'y' }, characterId: JOB_ID },
};
const projects: Proposed[] = [
  { type: 'ProjectCreated', data: project },
  { type: 'ProjectChanged', data: { ...project, enhancedPrompt: undefined, characterId: undefined } },
  { type: 'ProjectDeleted', data: project },
];
const produced: readonly Proposed[] = [
  ...webhooks,
  ...projects,
  ...histories.flatMap(({ events }) => events),
  ...ledger,
  refusal,
];

describe('what the deciders produce', () => {
  it('is at least one event of every type', () => {
    expect(new Set(produced.map((event) => event.type))).toEqual(new Set(Object.keys(EVENT_CLASSES)));
  });

  it.each(produced.map((event) => [event.type, event] as const))('%s › is what its class allows', (type, event) => {
    expect(problems(type, event.data)).toEqual([]);
    // The way through the stream changes nothing.
    expect(problems(type, JSON.parse(JSON.stringify(event.data)))).toEqual([]);
  });

  it('what no class knows › is found, at any depth', () => {
    expect(problems('JobRequested', { ...REQUEST, extra: 1 })).toEqual(['extra']);
    expect(problems('JobRequested', { ...REQUEST, prompt: { text: 'x', extra: 1 } })).toEqual(['prompt']);
    expect(problems('JobRequested', { ...REQUEST, seeds: [1, 2, 3, 4, 5, 6, 7] })).toEqual(['seeds']);
  });
});

describe('the registry', () => {
  it('names every event once, with its version', () => {
    const types = Object.values(CLOUD_EVENT_TYPES);
    expect(new Set(types).size).toBe(types.length);
    for (const [name, type] of Object.entries(CLOUD_EVENT_TYPES)) {
      expect(type).toMatch(/^com\.ourvidz\.(job|asset|account|project|webhook|audit)\.[a-z-]+\.v\d+$/);
      expect(eventTypeOf(type)).toBe(name);
    }
    expect(eventTypeOf('com.ourvidz.job.paused.v1')).toBeUndefined();
  });
});

function problems(type: EventType, data: object): string[] {
  const payload = plainToInstance(EVENT_CLASSES[type] as new () => object, data);
  return validateSync(payload, { whitelist: true, forbidNonWhitelisted: true }).map((error) => error.property);
}

function asLast(decision: WebhookDecision): WebhookEvent {
  if (decision.decided !== 'append') throw new Error(decision.reason);
  return { ...decision.event, id: 'e', time: '2026-01-01T00:00:00Z', sequence: 1 } as WebhookEvent;
}

function assetOwner(): string {
  return JOB_ID.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
}
