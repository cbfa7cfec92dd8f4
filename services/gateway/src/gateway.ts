/** The gateway as one thing that starts and stops. */
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { ASSET_REAPER_CONSUMER, ENGINES, workConsumer } from '#contracts/streams.js';
import { LANES } from '#contracts/subjects.js';
import { runAssetReaper } from '#eventing/asset-reaper.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { awaitTopology } from '#eventing/topology.js';
import { WorkerRoster } from '#eventing/workers.js';
import type { Log } from '#service-kit/log.js';
import { Addresses } from './addresses.js';
import { AssetDeletion } from './assets/asset-deletion.js';
import type { Verifiers } from './auth/authentication.js';
import { TokenVerifier } from './auth/token-verifier.js';
import { UploadSignatures } from './auth/upload-signatures.js';
import { WorkerToken } from './auth/worker-token.js';
import type { Configuration } from './configuration.js';
import { gatewayModule } from './gateway.module.js';
import { closeSoon } from './http/closing-server.js';
import { ErrorAnswers } from './http/error-answers.js';
import { createAdapter } from './http/fastify-adapter.js';
import { LatestProgress } from './jobs/latest-progress.js';
import { LiveJobs } from './jobs/live-jobs.js';
import { RateLimiter } from './limits/rate-limiter.js';
import { Metrics } from './operations/metrics.js';
import { WorkClaims } from './outside-workers/work-claims.js';
import { feedDurations } from './queue/duration-feed.js';
import { JobDurations } from './queue/job-durations.js';
import { QueueGauge } from './queue/queue-gauge.js';

export interface Gateway {
  /** Where clients reach it, without a trailing slash. */
  readonly url: string;
  /** Resolves with an error when NATS is given up for good. */
  readonly lost: Promise<Error | undefined>;
  /** Takes no new requests, ends the event streams, finishes what runs, and leaves NATS. */
  stop(): Promise<void>;
}

/** Waits for NATS and the streams, then listens. */
export async function startGateway(configuration: Configuration, log: Log): Promise<Gateway> {
  const bus = await connectBus({ ...configuration.nats, service: 'gateway', log });
  const work = ENGINES.flatMap((engine) => LANES.map((lane) => workConsumer(engine, lane)));
  await awaitTopology(bus, [...work, ASSET_REAPER_CONSUMER]);
  const limiter = new RateLimiter(bus, configuration.rateLimit);
  const app = await createApplication(bus, configuration, limiter, log);
  const problem = await app.get(FileAssetStore).usable();
  if (problem !== undefined) log.error(problem);
  await app.get(QueueGauge).start();
  const stopFeeding = feedDurations(bus, app.get(JobDurations));
  const closing = closeSoon(app.getHttpServer());
  const url = await listen(app, configuration);
  const stopReaper = startReaper(bus, app.get(AssetDeletion), log);
  const stop = async () => {
    app.get(LiveJobs).onApplicationShutdown();
    app.get(WorkClaims).stop();
    app.get(QueueGauge).stop();
    app.get(WorkerRoster).close();
    app.get(LatestProgress).stop();
    limiter.close();
    stopFeeding();
    closing.begin();
    await Promise.all([app.close(), stopReaper()]);
    closing.end();
    await bus.close();
  };
  return { url, lost: bus.closed, stop };
}

async function createApplication(
  bus: Bus,
  configuration: Configuration,
  limiter: RateLimiter,
  log: Log,
): Promise<NestFastifyApplication> {
  let metrics: Metrics | undefined;
  const adapter = await createAdapter({
    corsOrigins: configuration.corsOrigins,
    verifiers: verifiersOf(configuration),
    admit: (caller) => limiter.admit(caller),
    observe: (request, reply) => metrics?.observe(request, reply),
  });
  const module = gatewayModule(bus, configuration);
  const options = { logger: false, bodyParser: false, abortOnError: false } as const;
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, options);
  app.useGlobalFilters(new ErrorAnswers(log));
  await app.init();
  metrics = app.get(Metrics);
  return app;
}

function verifiersOf({ tokens, workerToken, assets }: Configuration): Verifiers {
  return {
    users: new TokenVerifier(tokens),
    workers: new WorkerToken(workerToken),
    uploads: new UploadSignatures(assets.urlSecret),
  };
}

async function listen(app: NestFastifyApplication, { host, port, publicUrl }: Configuration): Promise<string> {
  await app.listen(port, host);
  const address = app.getHttpServer().address();
  const actual = typeof address === 'object' && address ? address.port : port;
  const url = publicUrl ?? `http://${reachable(host)}:${actual}`;
  app.get(Addresses).publicUrl = url;
  return url;
}

/** Listening everywhere is no address that a client could use. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function startReaper(bus: Bus, deletion: AssetDeletion, log: Log): () => Promise<void> {
  const aborter = new AbortController();
  const running = runAssetReaper(bus, (deleted) => deletion.reap(deleted), aborter.signal);
  running.catch((error: unknown) => log.error({ err: error }, 'deleted files are no longer cleaned up'));
  return async () => {
    aborter.abort();
    await Promise.allSettled([running]);
  };
}
