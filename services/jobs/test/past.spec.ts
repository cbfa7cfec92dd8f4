/** The past as operators ask for it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evolve, isEnded, type Job } from '#contracts/domain/job.js';
import { eventTypeOf, type JobHistoryEvent } from '#contracts/events/registry.js';
import { JOB_CATALOGUE, type QueueName } from '#contracts/job-catalogue.js';
import { JOB_STREAM } from '#contracts/streams.js';
import { seededHistory } from '../../../test/support/seeded-history.js';
import { type TestPostgres, testPostgres } from '../../../test/support/servers.js';
import type { Database } from '../src/database/database.js';
import { takeOverLog } from '../src/event-log/log-statements.js';
import { DURATIONS_BEFORE, OPEN_AT, pastJob, pastQueues } from '../src/queries/past.js';
import { openDatabase, runProjections } from './jobs-fixture.js';
import { appendToLog } from './made-up-log.js';

const HISTORY = [...seededHistory({ seed: 21, events: 1_200, users: 4 })];
const JOB_EVENTS = HISTORY.filter(({ stream }) => stream === JOB_STREAM.name).map(({ raw }) => {
  return { ...raw, type: eventTypeOf(raw.cloudEventType) } as unknown as JobHistoryEvent;
});
const NOBODY = '00000000-0000-7000-8000-000000000000';

let postgres: TestPostgres;
let database: Database;

beforeAll(async () => {
  postgres = await testPostgres();
  database = await openDatabase(postgres.url);
  await appendToLog(database, await takeOverLog(database), HISTORY, 200);
  await runProjections(database);
});
afterAll(async () => {
  await database.close();
  await postgres.close();
});

/** All jobs as those saw them who were there. */
function jobsAt(moment: string): Map<string, Job> {
  const jobs = new Map<string, Job>();
  for (const event of JOB_EVENTS.filter(({ time }) => time <= moment)) {
    const job = evolve(jobs.get(event.data.jobId), event);
    if (job) jobs.set(event.data.jobId, job);
  }
  return jobs;
}

function timeOf(index: number): string {
  return HISTORY.at(index)?.raw.time ?? '';
}

const MOMENTS = [0, 1, 150, 400, 800, 1_100, -1].map(timeOf);

describe.each(MOMENTS)('at %s', (moment) => {
  test('every job is as its events until then tell it; one of later is not there', async () => {
    const then = jobsAt(moment);
    const ids = [...jobsAt(timeOf(-1)).keys()];
    for (const id of ids.filter((_, index) => index % 12 === 0)) {
      expect(await pastJob(database, id, moment)).toEqual(then.get(id) ?? null);
    }
  });

  test('the queues hold the jobs that were open', async () => {
    const open = [...jobsAt(moment).values()].filter((job) => !isEnded(job));
    const accountKey = open[0]?.requested.accountKey ?? 'nobody';
    const numbers = (jobs: readonly Job[]) => {
      const busy = jobs.filter(({ status }) => status === 'processing');
      return { waiting: jobs.length - busy.length, processing: busy.length };
    };
    const inQueue = (queue: QueueName) => open.filter((job) => JOB_CATALOGUE[job.requested.jobType].queue === queue);
    const workersOf = (jobs: readonly Job[]) => new Set(jobs.flatMap(({ started }) => started?.worker ?? [])).size;
    const viewOf = (queue: QueueName) => ({ ...numbers(inQueue(queue)), workers: workersOf(inQueue(queue)) });
    expect(await pastQueues(database, { at: moment, accountKey })).toMatchObject({
      queues: { sdxl_queue: viewOf('sdxl_queue'), wan_queue: viewOf('wan_queue') },
      mine: numbers(open.filter((job) => job.requested.accountKey === accountKey)),
    });
  });
});

describe('how long jobs took', () => {
  test('is told from the hour before, and from nothing else', async () => {
    const moment = timeOf(800);
    const since = new Date(Date.parse(moment) - 3_600_000).toISOString();
    const done = JOB_EVENTS.filter(({ type, time }) => type === 'JobCompleted' && time >= since && time <= moment);
    const types = new Set(done.map((event) => jobsAt(moment).get(event.data.jobId)?.requested.jobType));
    const { durations } = await pastQueues(database, { at: moment, accountKey: 'nobody' });
    expect(new Set(Object.keys(durations.seconds))).toEqual(types);
    const before = await pastQueues(database, { at: '2020-01-01T00:00:00.000Z', accountKey: 'nobody' });
    expect(before.durations).toEqual({ seconds: {}, enhancementSeconds: null });
    expect(before.mine).toEqual({ waiting: 0, processing: 0 });
  });
});

describe('a job that nobody requested', () => {
  test('was never there', async () => {
    expect(await pastJob(database, NOBODY, timeOf(-1))).toBeNull();
  });
});

describe('in a big table', () => {
  test.each([OPEN_AT, DURATIONS_BEFORE])('a moment is found by an index: %#', async (statement) => {
    await database.transaction(async (tx) => {
      await tx.query('set local enable_seqscan = off');
      const plan = await tx.query<{ 'QUERY PLAN': string }>(`explain ${statement}`, [timeOf(800)]);
      expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('lifetime_idx');
    });
  });
});
