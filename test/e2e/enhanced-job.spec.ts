import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { workConsumer } from '#contracts/streams.js';
import { connectBus } from '#eventing/bus.js';
import { createLog } from '#service-kit/log.js';
import {
  aChatServer,
  answers,
  fallsSilentAfter,
  says,
  type TestChatServer,
} from '../../services/enhancer/test/a-chat-server.js';
import { serverSentEvents } from '../support/job-events.js';
import { Platform, type ServiceProcess } from '../support/platform.js';
import { untilEvent } from './jobs-over-http.js';

const ENHANCED = '黎明时分，一座白色灯塔矗立在礁石上，海面笼罩薄雾，柔和的晨光从左侧洒下，镜头缓慢推近。';
const WISH = { jobType: 'video7b_fast_enhanced', metadata: { prompt: 'a lighthouse at dawn' } };
const RETRY_SOON_NANOS = 500_000_000;

let platform: Platform;
const running: ServiceProcess[] = [];
let server: TestChatServer | undefined;

beforeAll(async () => {
  platform = await Platform.prepare();
  const environment = { SERVED_ROUTES: 'wan-enhanced', INITIAL_CREDITS: '100' };
  await Promise.all([
    platform.startService('jobs'),
    platform.startGateway(environment),
    platform.startService('wan-worker', { PREVIEW_DURATION_MS: '0' }),
  ]);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((enhancer) => enhancer.end()));
  await server?.close();
});
afterAll(() => platform?.close());

async function startEnhancer(environment: Record<string, string> = {}): Promise<ServiceProcess> {
  const enhancer = await platform.startService('enhancer', { PREVIEW_ENHANCING_MS: '0', ...environment });
  running.push(enhancer);
  return enhancer;
}

/** What an enhancer has to know of the server that stands for a language model. */
async function anEngine(...behaviours: Parameters<typeof aChatServer>[0]) {
  server = await aChatServer(behaviours);
  return { ENGINE: 'http', ENGINE_URL: server.url };
}

async function queue(): Promise<string> {
  const answer = await platform.fetch('/api/queue-job', { body: WISH });
  const { job } = (await answer.json()) as { job: { id: string } };
  return job.id;
}

describe('a video whose prompt is to be enhanced', () => {
  it('is made from the enhanced prompt, which is told before the video starts', { timeout: 60_000 }, async () => {
    await startEnhancer(await anEngine(says(ENHANCED)));
    const id = await queue();
    const seen: Record<string, unknown>[] = [];
    const events = await platform.fetch(`/api/jobs/${id}/events`);
    for await (const { event, data } of serverSentEvents(events)) if (event !== 'progress') seen.push(data);
    const told = seen.find(({ metadata }) => (metadata as Record<string, unknown> | undefined)?.enhanced_prompt);
    expect(told).toMatchObject({ status: 'queued', metadata: { enhanced_prompt: ENHANCED } });
    expect(seen.at(-1)).toMatchObject({
      status: 'completed',
      metadata: {
        prompt: 'a lighthouse at dawn',
        enhanced_prompt: ENHANCED,
        all_assets: [expect.stringMatching(/\.mp4/)],
      },
    });
  });

  it('is made from its own prompt when the engine fails, and says so', { timeout: 60_000 }, async () => {
    await startEnhancer(await anEngine(answers(404)));
    const done = await untilEvent(platform, await queue(), 'done');
    expect(done).toMatchObject({ status: 'completed', metadata: { enhancement_skipped: 'engine_failed' } });
    expect(done.metadata).not.toHaveProperty('enhanced_prompt');
  });

  it('goes to another enhancer when the first is killed in the middle', { timeout: 60_000 }, async () => {
    const asked = Promise.withResolvers<void>();
    const environment = await anEngine((response, body) => {
      fallsSilentAfter('黎明')(response, body);
      asked.resolve();
    }, says(ENHANCED));
    const first = await startEnhancer(environment);
    const id = await queue();
    await asked.promise;
    await startEnhancer(environment);
    await redeliverSoon();
    await first.end('SIGKILL');
    const done = await untilEvent(platform, id, 'done');
    expect(done).toMatchObject({ status: 'completed', metadata: { enhanced_prompt: ENHANCED } });
  });
});

/** The server waits half a minute for a sign of life; this test does not want to. */
async function redeliverSoon(): Promise<void> {
  const credentials = await readFile(platform.credentialsOf('jobs'), 'utf8');
  const log = createLog('test', 'silent');
  const bus = await connectBus({ url: platform.nats.url, credentials, service: 'jobs', log });
  const { stream, name } = workConsumer('enhancer', 'interactive');
  await bus.jsm.consumers.update(stream, name, { ack_wait: RETRY_SOON_NANOS });
  await bus.close();
}
