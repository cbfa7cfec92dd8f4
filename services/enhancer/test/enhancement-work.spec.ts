import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isEnded, type Job } from '#contracts/domain/job.js';
import { cancelJob, enhancePrompt } from '#contracts/domain/job-decisions.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { ProgressMessage } from '#contracts/progress.js';
import type { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { requestCancel, watchJob, watchProgress } from '#eventing/live.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { createLog } from '#service-kit/log.js';
import { anInstallation, type Installation } from '../../../libs/eventing/test/a-bus.js';
import { aRequest } from '../../../libs/eventing/test/a-job.js';
import { EnhancementWork } from '../src/enhancement-work.js';
import { PromptEnhancer } from '../src/prompt-enhancer.js';
import { type PromptWriter, WriterError } from '../src/prompt-writer.js';
import { TemplateWriter } from '../src/template-writer.js';

const silent = createLog('test', 'silent');
let installation: Installation;
let bus: Bus;
let store: JobStore;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  installation = await anInstallation();
  bus = installation.bus;
  store = new JobStore(bus);
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});
afterAll(() => installation?.close());

const anEnhancedRequest = () =>
  aRequest({ jobType: 'video7b_fast_enhanced', seeds: [7], bucket: 'video7b_fast_enhanced' });
const templates = (durationMs = 0) => new TemplateWriter({ language: 'zh', durationMs });
const broken: PromptWriter = {
  model: 'broken',
  setup: async () => undefined,
  write: () => Promise.reject(new WriterError('no', false)),
};

function startEnhancer(writer: PromptWriter) {
  const stopping = new AbortController();
  const handBack = new AbortController();
  const enhancer = new PromptEnhancer(writer, { language: 'zh', instructions: '' }, silent);
  const work = new EnhancementWork(enhancer, bus, silent, handBack.signal);
  const slot = runWorkSlot(bus, 'enhancer', (delivery) => work.handle(delivery), stopping.signal);
  const handBackNow = async () => {
    stopping.abort();
    handBack.abort();
    await slot;
  };
  stops.push(handBackNow);
  return { handBackNow };
}

/** The first event of a type, and the first word of progress, of a job that is requested behind this. */
async function watched(jobId: string) {
  const seen: JobHistoryEvent[] = [];
  const enhanced = Promise.withResolvers<JobHistoryEvent>();
  const progressed = Promise.withResolvers<ProgressMessage>();
  const live = watchJob(bus, jobId, (event) => {
    seen.push(event);
    if (event.type === 'PromptEnhanced') enhanced.resolve(event);
  });
  const stopProgress = watchProgress(bus, jobId, (progress) => progressed.resolve(progress));
  stops.push(async () => {
    live.close();
    stopProgress();
  });
  await live.subscribed;
  return { seen, enhanced: enhanced.promise, progressed: progressed.promise };
}

async function enhanced(writer: PromptWriter): Promise<Job | undefined> {
  const request = anEnhancedRequest();
  const job = await watched(request.jobId);
  startEnhancer(writer);
  await store.request(request);
  return store.load(request.jobId, (await job.enhanced).sequence);
}

describe('a job of an enhanced type', () => {
  test('› goes on with the enhanced prompt, not yet started', async () => {
    const job = await enhanced(templates());
    expect(job).toMatchObject({
      status: 'queued',
      enhanced: {
        original: { text: 'a lighthouse at dawn' },
        enhanced: { text: expect.stringContaining('a lighthouse at dawn。') },
        model: 'preview-template',
      },
    });
    expect(job?.started).toBeUndefined();
  });

  test('and the engine fails for good › goes on with its own prompt, which says why', async () => {
    const job = await enhanced(broken);
    expect(job).toMatchObject({ status: 'queued', enhanced: { skipped: 'engine_failed', model: 'broken' } });
    expect(job?.enhanced?.enhanced).toBeUndefined();
  });

  test('while it is enhanced › tells how far it is', async () => {
    const request = anEnhancedRequest();
    const job = await watched(request.jobId);
    startEnhancer(templates(300));
    await store.request(request);
    expect(await job.progressed).toMatchObject({ attempt: 0, stage: 'enhancing', steps: 512 });
    await job.enhanced;
  });
});

describe('a job that is cancelled', () => {
  test('while it waits › is not enhanced', async () => {
    const request = anEnhancedRequest();
    await store.request(request);
    await store.execute(request.jobId, (job) => cancelJob(job, 'alice'));
    await enhanced(templates());
    expect((await store.history(request.jobId)).map(({ type }) => type)).toEqual(['JobRequested', 'JobCancelled']);
  });

  test('while it is enhanced › is let go of within a second', async () => {
    const request = anEnhancedRequest();
    const job = await watched(request.jobId);
    startEnhancer(templates(20_000));
    await store.request(request);
    await job.progressed;
    const next = anEnhancedRequest();
    const nextJob = await watched(next.jobId);
    await store.execute(request.jobId, (current) => cancelJob(current, 'alice'));
    const startedAt = performance.now();
    requestCancel(bus, request.jobId);
    await store.request(next);
    await nextJob.progressed;
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    const ended = await store.load(request.jobId);
    expect(ended && isEnded(ended) && !ended.enhanced).toBe(true);
  });
});

test('a job that another enhancer has enhanced meanwhile › stays as it is', async () => {
  const request = anEnhancedRequest();
  const job = await watched(request.jobId);
  startEnhancer(templates(300));
  await store.request(request);
  await job.progressed;
  const first = { enhanced: { text: '先' }, model: 'other', durationMs: 1 };
  await store.execute(request.jobId, (current) => enhancePrompt(current, first));
  expect((await enhanced(templates()))?.status).toBe('queued');
  expect((await store.load(request.jobId))?.enhanced).toMatchObject(first);
});

test('an enhancer that must stop › hands the job to another at once', async () => {
  const request = anEnhancedRequest();
  const job = await watched(request.jobId);
  const leaving = startEnhancer(templates(20_000));
  await store.request(request);
  await job.progressed;
  await leaving.handBackNow();
  startEnhancer(templates());
  await job.enhanced;
  expect(job.seen.map(({ type }) => type)).toEqual(['JobRequested', 'PromptEnhanced']);
});
