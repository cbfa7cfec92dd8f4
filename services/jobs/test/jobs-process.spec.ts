import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import 'reflect-metadata';
import { createUser, type KeyPair } from '@nats-io/nkeys';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RIGHTS, SERVICE_NAMES, type ServiceName } from '#contracts/rights.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { ask, QueryUnavailableError } from '#eventing/request-reply.js';
import { awaitTopology } from '#eventing/topology.js';
import { freePort } from '#launcher/free-port.js';
import { natsAuthorization } from '#launcher/nats-authorization.js';
import { pollUntil } from '#launcher/poll.js';
import { type PostgresServer, startPostgres } from '#launcher/postgres-server.js';
import { type ScratchFolder, scratchFolder } from '../../../test/support/scratch-folder.js';
import { type OwnTestNats, testNats } from '../../../test/support/servers.js';
import { readConfiguration } from '../src/configuration.js';
import { Database } from '../src/database/database.js';
import { JobsProcess } from '../src/jobs-process.js';
import { PROJECTIONS } from '../src/projections/registry.js';
import { logLines, silent, untilProjected } from './jobs-fixture.js';
import { aRequest, work } from './some-jobs.js';

const users = Object.fromEntries(SERVICE_NAMES.map((name) => [name, createUser()])) as Record<ServiceName, KeyPair>;

function publicKeysOf(pairs: Record<ServiceName, KeyPair>): Record<ServiceName, string> {
  const entries = Object.entries(pairs).map(([name, pair]) => [name, pair.getPublicKey()]);
  return Object.fromEntries(entries) as Record<ServiceName, string>;
}

function seedOf(service: ServiceName): string {
  return new TextDecoder().decode(users[service].getSeed());
}

function connectAs(service: ServiceName): Promise<Bus> {
  return connectBus({ url: nats.url, credentials: seedOf(service), service, log: silent });
}

async function makeJobs(count: number): Promise<void> {
  const [gateway, worker] = [new JobStore(bus), new JobStore(workerBus)];
  const requests = Array.from({ length: count }, () => aRequest());
  await Promise.all(requests.map((request) => gateway.request(request).then(() => work(worker, request))));
}

let nats: OwnTestNats;
let postgres: PostgresServer;
let credentialsFile: string;
let folder: ScratchFolder;
/** As the gateway and as the worker: everybody has the rights of its service and no more. */
let bus: Bus;
let workerBus: Bus;
let database: Database;
let healthUrl: string;
let service: JobsProcess | undefined;

beforeAll(async () => {
  folder = await scratchFolder();
  const dataDir = join(folder.path, 'postgres');
  [nats, postgres] = await Promise.all([
    testNats({ authorization: natsAuthorization(RIGHTS, publicKeysOf(users)) }),
    startPostgres({ dataDir, durable: false, orphanSignal: 'SIGQUIT' }),
  ]);
  bus = await connectAs('gateway');
  workerBus = await connectAs('sdxl-worker');
  credentialsFile = join(folder.path, 'jobs.nk');
  await writeFile(credentialsFile, seedOf('jobs'), { mode: 0o600 });
  database = new Database(postgres.url, silent);
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
});
afterAll(async () => {
  await Promise.all([bus.close(), workerBus.close()]);
  await database.close();
  await Promise.all([nats.close(), postgres.stop()]);
  await folder.remove();
});

async function newService(): Promise<JobsProcess> {
  const port = await freePort('127.0.0.1');
  healthUrl = `http://127.0.0.1:${port}`;
  const environment = { NATS_URL: nats.url, NATS_CREDS: credentialsFile, DATABASE_URL: postgres.url };
  service = new JobsProcess(readConfiguration({ ...environment, HEALTH_PORT: String(port) }), silent);
  return service;
}

async function statusOf(path: string): Promise<number> {
  const { status } = await fetch(`${healthUrl}${path}`);
  return status;
}

function list() {
  return ask(bus, 'jobs.list', { accountKey: 'a', limit: 1 });
}

function untilListed(): Promise<unknown> {
  return pollUntil('an answer', 15_000, () => list().catch(unlessUnavailable));
}

function unlessUnavailable(error: unknown): undefined {
  if (!(error instanceof QueryUnavailableError)) throw error;
}

async function expectGapFree(): Promise<void> {
  const lines = await logLines(database);
  expect(lines.map((line) => line.position)).toEqual(lines.map((_, index) => index + 1));
}

describe('when Postgres is away at the start', () => {
  test('and there are no streams › none are made: whether they are new only the log knows', async () => {
    await postgres.stop();
    const starting = (await newService()).start();
    await pollUntil(
      'the service to live',
      10_000,
      async () => (await statusOf('/health/live').catch(() => 0)) || undefined,
    );
    await expect(awaitTopology(bus, [], AbortSignal.timeout(500))).rejects.toThrow();
    await postgres.restart();
    await starting;
    await awaitTopology(bus, []);
  });

  test('jobs are taken and queries are unavailable; when it comes the log catches up', async () => {
    await postgres.stop();
    const starting = (await newService()).start();
    await makeJobs(1);
    await pollUntil('the service to answer', 10_000, async () =>
      (await list().catch((error: Error) => error.message)) === 'the database is away' ? true : undefined,
    );
    expect(await statusOf('/health/live')).toBe(200);
    expect(await statusOf('/health/ready')).toBe(503);
    await postgres.restart();
    await starting;
    expect(await statusOf('/health/ready')).toBe(200);
    await untilProjected({ bus, database });
    await expectGapFree();
    expect(await (await fetch(`${healthUrl}/metrics`)).text()).toContain('ourvidz_jobs_leading 1');
  });
});

describe('when Postgres goes away while events come in', () => {
  test.each(['restart', 'kill'] as const)('by %s › nothing is missing or doubled', async (how) => {
    await (await newService()).start();
    const before = (await logLines(database)).length;
    const jobs = makeJobs(40);
    if (how === 'kill') await postgres.kill();
    await postgres.restart();
    await jobs;
    await untilListed();
    await untilProjected({ bus, database });
    await expectGapFree();
    expect(await logLines(database)).toHaveLength(before + 40 * 5);
  });
});

describe('when NATS is restarted', () => {
  test('the log goes on where it was, in the same epoch', async () => {
    await (await newService()).start();
    await makeJobs(1);
    await nats.server.restart();
    await makeJobs(1);
    await untilProjected({ bus, database });
    await expectGapFree();
    expect(await database.query('select distinct stream_epoch from events')).toEqual([{ stream_epoch: 1 }]);
  });
});

describe('when asked to prepare only', () => {
  test('database and streams are there, and the process can end', async () => {
    await (await newService()).prepare();
    expect(await database.query('select name from projections where live')).toHaveLength(PROJECTIONS.length);
  });
});
