/** A whole gateway against a real NATS, and what tests need around it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { resolveStore } from '#asset-store/resolve-store.js';
import { completeJob, startJob, storeAsset } from '#contracts/domain/job-decisions.js';
import type { EngineIdentityData } from '#contracts/events/job-events.js';
import type { JobView, QueueJobAnswer } from '#contracts/http/answers.js';
import { accountKeyOf, assetIdOf, assetKey, assetPath } from '#contracts/ids.js';
import type { Queries, QueryName } from '#contracts/queries.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { RequestServer } from '#eventing/request-reply.js';
import { createTopology } from '#eventing/topology.js';
import { createLog } from '#service-kit/log.js';
import { type OwnTestNats, testNats } from '../../../test/support/servers.js';
import { type Configuration, readConfiguration } from '../src/configuration.js';
import { type Gateway, startGateway } from '../src/gateway.js';

export const SECRET = 'a secret of the tests, 32 bytes or more';
const URL_SECRET = 'another secret of the tests, as long as that';
const ENGINE: EngineIdentityData = { engine: 'preview', model: 'preview', version: '1', device: 'cpu' };
const log = createLog('gateway-test', 'silent');

export type Environment = Readonly<Record<string, string>>;
type Handlers = Partial<{ [N in QueryName]: (request: Queries[N]['request']) => Queries[N]['answer'] }>;

export interface Kit {
  readonly nats: OwnTestNats;
  readonly bus: Bus;
  readonly jobs: JobStore;
  readonly gateway: Gateway;
  readonly url: string;
  readonly folder: string;
  /** Another gateway on the same NATS. */
  startAnother(environment?: Environment): Promise<Gateway>;
  /** Answers queries as the jobs service would; returns what ends that. */
  answerQueries(handlers: Handlers): Promise<() => void>;
  close(): Promise<void>;
}

export async function startKit(environment: Environment = {}): Promise<Kit> {
  const nats = await testNats({});
  const folder = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  const bus = await connectBus({ url: nats.url, service: 'jobs', log });
  const bytes = 64 * 1024 * 1024;
  await createTopology(bus, { replicas: 1, jobStreamMaxBytes: bytes, accountStreamMaxBytes: bytes });
  const gateways: Gateway[] = [];
  const startAnother = async (more: Environment = {}) => {
    const gateway = await startGateway(configurationOf(nats.url, folder, { ...environment, ...more }), log);
    gateways.push(gateway);
    return gateway;
  };
  const gateway = await startAnother();
  const close = async () => {
    await Promise.all(gateways.map((each) => each.stop()));
    await bus.close();
    await nats.close();
    await rm(folder, { recursive: true, force: true });
  };
  const answerQueries = (handlers: Handlers) => serveQueries(bus, handlers);
  const jobs = new JobStore(bus);
  return { nats, bus, jobs, gateway, url: gateway.url, folder, startAnother, answerQueries, close };
}

function configurationOf(natsUrl: string, folder: string, environment: Environment): Configuration {
  return readConfiguration({
    PORT: '0',
    NATS_URL: natsUrl,
    AUTH_JWT_SECRET: SECRET,
    ASSET_STORE: `file:${folder}`,
    ASSET_URL_SECRET: URL_SECRET,
    LOG_LEVEL: 'silent',
    INITIAL_CREDITS: '1000000',
    MAX_QUEUED_PER_USER: '10000',
    RATE_LIMIT: '0',
    ...environment,
  });
}

async function serveQueries(bus: Bus, handlers: Handlers): Promise<() => void> {
  const server = new RequestServer(bus);
  for (const [name, handler] of Object.entries(handlers)) {
    server.addHandler(name, async (request: unknown) => (handler as (request: unknown) => unknown)(request));
  }
  await new Promise<void>((resolve, reject) => server.listen((error) => (error ? reject(error) : resolve())));
  return () => server.close();
}

/** A token of the tests' secret. */
export function tokenFor(userId: string, claims: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT({ sub: userId, ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET));
}

export async function authorization(userId = 'alice', claims: Record<string, unknown> = {}) {
  return { authorization: `Bearer ${await tokenFor(userId, claims)}` };
}

export const WISH = { jobType: 'sdxl_image_fast', metadata: { prompt: 'beautiful woman in garden', credits: 1 } };

export async function post(url: string, body: unknown, userId = 'alice'): Promise<Response> {
  const headers = { ...(await authorization(userId)), 'content-type': 'application/json' };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${url}/api/queue-job`, { method: 'POST', headers, body: text });
}

export async function get(url: string, path: string, userId = 'alice'): Promise<Response> {
  return fetch(`${url}${path}`, { headers: await authorization(userId) });
}

/** The body of an answer, as the contract has it. */
export async function read<T>(response: Response | Promise<Response>): Promise<T> {
  return (await (await response).json()) as T;
}

/** Posts a job that must be taken. */
export async function queued(url: string, wish: unknown = WISH, userId = 'alice'): Promise<JobView> {
  const response = await post(url, wish, userId);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return (JSON.parse(text) as QueueJobAnswer).job;
}

/** Does to jobs what a worker does. */
export class TestWorker {
  private readonly files;

  constructor(
    private readonly jobs: JobStore,
    folder: string,
  ) {
    this.files = resolveStore(`file:${folder}`);
  }

  start(jobId: string) {
    return this.jobs.execute(jobId, (job) => startJob(job, { worker: 'test', engine: ENGINE }));
  }

  async store(jobId: string, index: number, userId = 'alice') {
    const at = { bucket: 'sdxl_image_fast', accountKey: accountKeyOf(userId), jobId, index, extension: 'png' };
    const key = assetKey(at);
    const { bytes, sha256 } = await this.files.put(key, Buffer.from(`picture ${index} of ${jobId}`));
    const facts = {
      mediaType: 'image/png',
      width: 1024,
      height: 1024,
      seed: 7 + index,
      storedAt: new Date().toISOString(),
    };
    const asset = { id: assetIdOf(jobId, index), index, key, bucket: at.bucket, bytes, sha256, ...facts };
    return this.jobs.execute(jobId, (job) => storeAsset(job, job?.started?.attempt ?? 1, asset));
  }

  complete(jobId: string) {
    const timings = { waitedMs: 1, generatedMs: 2_000, storedMs: 10 };
    const completion = { timings, engine: ENGINE, missing: [], urlOf: assetPath };
    return this.jobs.execute(jobId, (job) => completeJob(job, { ...completion, attempt: job?.started?.attempt ?? 1 }));
  }

  /** All of a job, with as many pictures as asked for. */
  async make(jobId: string, pictures = 6, userId = 'alice'): Promise<void> {
    await this.start(jobId);
    for (let index = 0; index < pictures; index += 1) await this.store(jobId, index, userId);
    await this.complete(jobId);
  }
}
