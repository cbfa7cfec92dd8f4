import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { enhancePrompt } from '#contracts/domain/job-decisions.js';
import type { ProgressMessage } from '#contracts/progress.js';
import { publishProgress } from '#eventing/live.js';
import { EventReader } from './event-reader.js';
import { get, type Kit, queued, startKit, TestWorker } from './gateway-kit.js';

const WISH = { jobType: 'video7b_fast_enhanced', metadata: { prompt: 'a lighthouse at dawn' } };
const BY = { model: 'qwen', durationMs: 5 };

let kit: Kit;
let worker: TestWorker;
const readers: EventReader[] = [];

beforeAll(async () => {
  kit = await startKit({ SERVED_ROUTES: 'wan-enhanced' });
  worker = new TestWorker(kit.jobs, kit.folder);
});
afterEach(() => {
  for (const reader of readers.splice(0)) reader.close();
});
afterAll(() => kit.close());

async function watchedJob() {
  const job = await queued(kit.url, WISH);
  const reader = await EventReader.open(kit.url, job.id);
  readers.push(reader);
  await reader.next();
  const tell = (progress: Partial<ProgressMessage>) =>
    publishProgress(kit.bus, {
      jobId: job.id,
      attempt: 0,
      percent: 0,
      stage: 'enhancing',
      step: 0,
      steps: 512,
      ...progress,
    });
  return { id: job.id, reader, tell };
}

describe('a job whose prompt is enhanced', () => {
  it('shows how far the prompt is, in events and in answers, and still waits', async () => {
    const { id, reader, tell } = await watchedJob();
    tell({ percent: 40, step: 204 });
    const progress = { percent: 6, stage: 'enhancing', step: 204, steps: 512 };
    expect(await reader.next()).toMatchObject({ event: 'progress', data: { ...progress, attempt: 0 } });
    expect(await (await get(kit.url, `/api/jobs/${id}`)).json()).toMatchObject({ status: 'queued', progress });
  });

  it('never falls back: a second enhancer begins anew, the worker goes on behind the prompt', async () => {
    const { id, reader, tell } = await watchedJob();
    const percents: number[] = [];
    const next = async () => void percents.push((await reader.next())?.data.percent);
    for (const percent of [80, 5, 99]) {
      tell({ percent });
      await next();
    }
    await kit.jobs.execute(id, (job) => enhancePrompt(job, { ...BY, enhanced: { text: '灯塔' } }));
    percents.push((await reader.next())?.data.progress.percent);
    await worker.start(id);
    await reader.next();
    for (const percent of [0, 50, 100]) {
      tell({ attempt: 1, stage: 'generating', percent });
      await next();
    }
    expect(percents).toEqual([12, 12, 14, 15, 15, 57, 99]);
  });

  it('tells the enhanced prompt beside its own as soon as it is there', async () => {
    const { id, reader } = await watchedJob();
    await kit.jobs.execute(id, (job) => enhancePrompt(job, { ...BY, enhanced: { text: '黎明的灯塔' } }));
    const told = await reader.next();
    expect(told).toMatchObject({
      event: 'status',
      data: { status: 'queued', progress: { percent: 15, stage: 'queued' } },
    });
    expect(told?.data.metadata).toMatchObject({ prompt: 'a lighthouse at dawn', enhanced_prompt: '黎明的灯塔' });
    expect(told?.data.metadata).not.toHaveProperty('enhancement_skipped');
  });

  it('says why its own prompt is used', async () => {
    const { id, reader } = await watchedJob();
    await kit.jobs.execute(id, (job) => enhancePrompt(job, { ...BY, skipped: 'timeout' }));
    const told = await reader.next();
    expect(told?.data.metadata).toMatchObject({ prompt: 'a lighthouse at dawn', enhancement_skipped: 'timeout' });
    expect(told?.data.metadata).not.toHaveProperty('enhanced_prompt');
  });
});
