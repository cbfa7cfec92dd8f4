import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '#contracts/domain/job.js';
import { CLOUD_EVENT_TYPES, type EventType, type JobHistoryEvent } from '#contracts/events/registry.js';
import { assetIdOf, newWebhookId } from '#contracts/ids.js';
import type { Transaction } from '../src/database/database.js';
import type { LoggedEvent } from '../src/event-log/logged-event.js';
import { JobsMetrics } from '../src/metrics.js';
import { assetChanges, assetsProjection } from '../src/projections/assets.projection.js';
import { jobsProjection, projectJob } from '../src/projections/jobs.projection.js';
import { type Projection, tableNames } from '../src/projections/projection.js';
import { ProjectionRunner } from '../src/projections/projection-runner.js';
import { projectsProjection } from '../src/projections/projects.projection.js';
import { installProjections } from '../src/projections/registry.js';
import { webhooksProjection } from '../src/projections/webhooks.projection.js';
import { type Fixture, openFixture, silent, startLeader, untilLogged } from './jobs-fixture.js';
import { anAsset, aRequest, makeJob } from './some-jobs.js';
import { aProject, removeProject, storeProject } from './some-projects.js';

const request = aRequest();
const { jobId } = request;
const TIME = '2026-01-01T00:00:00.000Z';

/** Events of one job at positions 1, 2, …; the stream's sequences begin again at the third, as in a new epoch. */
function log(...events: readonly { type: EventType; data: object }[]): LoggedEvent[] {
  return events.map(
    ({ type, data }, index) =>
      ({
        type,
        data,
        id: `e${index}`,
        time: TIME,
        sequence: (index % 2) + 1,
        position: index + 1,
        subjectId: jobId,
      }) as LoggedEvent,
  );
}

const requested = { type: 'JobRequested', data: request } as const;
const started = { type: 'JobStarted', data: { jobId, attempt: 1, worker: 'w', engine: {} } } as const;
const stored = { type: 'AssetStored', data: { jobId, attempt: 1, assets: [anAsset(request, 0)] } } as const;
const cancelled = { type: 'JobCancelled', data: { jobId, cancelledBy: 'alice' } } as const;

type JobLog = LoggedEvent<JobHistoryEvent['type']>[];

describe('the jobs projection', () => {
  test('given request, start and cancel › the job is cancelled, by the order of positions', () => {
    const projected = projectJob(undefined, log(requested, started, cancelled) as JobLog);
    expect(projected).toMatchObject({ position: 3, job: { status: 'cancelled', startedAt: TIME, endedAt: TIME } });
  });

  test('given events that it has › the job stays the very same', () => {
    const events = log(requested, started, stored, cancelled) as JobLog;
    const once = projectJob(undefined, events);
    expect(projectJob(once, events)).toBe(once);
  });

  test('given no request › there is no job', () => {
    expect(projectJob(undefined, log(started) as JobLog)).toBeUndefined();
  });
});

describe('the assets projection', () => {
  test('given an asset stored twice › its newest form counts', () => {
    const again = { ...stored, data: { ...stored.data, assets: [{ ...anAsset(request, 0), bytes: 5 }] } };
    const events = log(requested, stored, again) as Parameters<typeof assetChanges>[0];
    expect(assetChanges(events).stored.get(assetIdOf(jobId, 0))).toMatchObject({ asset: { bytes: 5 }, position: 3 });
  });
});

describe('the projects projection', () => {
  test('given a project that was changed and deleted in one batch › it is a row without content, also twice', async () => {
    const project = aProject();
    const changed = { ...project, enhancedPrompt: { text: 'more' } };
    const events = log(
      { type: 'ProjectCreated', data: project },
      { type: 'ProjectChanged', data: changed },
      { type: 'ProjectDeleted', data: changed },
    );
    const rows = () =>
      fixture.database.query('select project, position from projects where id = $1', [project.projectId]);
    for (const batch of [events, events.slice(0, 2)]) {
      await fixture.database.transaction((tx) => projectsProjection.apply(tx, tableNames(1), batch));
      expect(await rows()).toEqual([{ project: null, position: 3 }]);
    }
  });
});

describe('the webhooks projection', () => {
  const webhook = {
    id: newWebhookId(),
    url: 'https://receiver.example/one',
    events: ['job.completed'],
    createdAt: TIME,
  };
  const registeredOne = { webhookId: webhook.id, accountKey: request.accountKey, webhooks: [webhook] };
  const events = log(
    { type: 'WebhookRegistered', data: registeredOne },
    { type: 'WebhookRemoved', data: { ...registeredOne, webhooks: [], reason: 'deleted' } },
  );

  test.each([
    ['given one that was registered › it can be delivered to', events.slice(0, 1), null],
    ['given that it was removed after that › it is a row that says when', events, new Date(TIME)],
    ['given the registration once more › it stays removed', events.slice(0, 1), new Date(TIME)],
  ])('%s', async (_title, batch, removed_at) => {
    await fixture.database.transaction((tx) => webhooksProjection.apply(tx, tableNames(1), batch));
    const rows = await fixture.database.query('select url, events, removed_at from webhooks where id = $1', [
      webhook.id,
    ]);
    expect(rows).toEqual([{ url: webhook.url, events: webhook.events, removed_at }]);
  });
});

let fixture: Fixture;

beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(async () => {
  await fixture.close();
});

async function contents(table: string): Promise<unknown[]> {
  return fixture.database.query(`select * from ${table} order by 1`);
}

function runner(projection: Projection): ProjectionRunner {
  return new ProjectionRunner(projection, fixture.database, new JobsMetrics(), silent);
}

async function runToEnd(projection: Projection): Promise<void> {
  const projecting = runner(projection);
  while (await projecting.advance());
}

/** Puts events of real jobs into the log, without any projection. */
async function fillLog(): Promise<void> {
  const leader = startLeader(fixture);
  const jobs = await Promise.all(Array.from({ length: 12 }, () => makeJob(fixture.store, {}, 3)));
  for (const job of jobs.slice(0, 4)) await fixture.store.deleteAsset(job.jobId, 1, 'alice');
  for (const job of jobs.slice(2, 8)) await favorite(job.jobId, true);
  for (const job of jobs.slice(6, 8)) await favorite(job.jobId, false);
  const [gone] = [await storeProject(fixture.bus), await storeProject(fixture.bus)];
  await removeProject(fixture.bus, gone);
  await untilLogged(fixture);
  await leader.stop();
}

async function favorite(id: string, yes: boolean): Promise<void> {
  await fixture.store.favoriteAsset(id, { index: 2, favorite: yes, favoritedBy: 'alice' });
}

describe('over a log of real jobs', () => {
  beforeAll(fillLog);

  test.each([jobsProjection, assetsProjection, projectsProjection])(
    '$name: handling every event twice changes nothing',
    async (projection) => {
      await runToEnd(projection);
      const tables = projection.tables.map(tableNames(projection.version));
      const once = await Promise.all(tables.map(contents));
      await fixture.database.query('update projections set position = 0 where name = $1', [projection.name]);
      await runToEnd(projection);
      expect(await Promise.all(tables.map(contents))).toEqual(once);
      expect(once[0]?.length).toBeGreaterThan(0);
    },
  );

  test('a projected job is the one that its stream tells', async () => {
    const rows = await fixture.database.query<{ id: string; state: Job }>('select id, state from jobs');
    for (const { id, state } of rows) expect(state).toEqual(JSON.parse(JSON.stringify(await fixture.store.load(id))));
  });

  test('an asset that was deleted does not come back with a late AssetStored', async () => {
    const [gone] = await fixture.database.query<{ id: string; job_id: string; position: number }>(
      'select id, job_id, position from assets where deleted',
    );
    if (!gone) throw new Error('no deleted asset');
    const asset = { ...anAsset(request, 1), id: gone.id };
    const late = { ...stored, data: { ...stored.data, jobId: gone.job_id, assets: [asset] } };
    const events = log(late).map((event) => ({ ...event, position: gone.position + 1_000 }));
    await fixture.database.transaction((tx) =>
      assetsProjection.apply(tx, tableNames(assetsProjection.version), events),
    );
    const [after] = await fixture.database.query('select deleted, asset from assets where id = $1', [gone.id]);
    expect(after).toEqual({ deleted: true, asset: null });
  });

  test('two services that run one projection at once apply every event once', async () => {
    await fixture.database.query(`update projections set position = 0`);
    const counting: Projection = { ...counter(), version: 1 };
    await installProjections(fixture.database, [counting]);
    const [one, two] = [runner(counting), runner(counting)];
    while ((await Promise.all([one.advance(), two.advance()])).some(Boolean));
    const [row] = await fixture.database.query<{ n: number }>('select n from counts_v1');
    const [events] = await fixture.database.query<{ n: number }>('select count(*) as n from events');
    expect(row?.n).toBe(events?.n);
  });
});

/** Counts events, and is not idempotent on purpose. */
function counter(): Projection {
  return {
    name: 'counts',
    version: 1,
    takes: Object.keys(CLOUD_EVENT_TYPES) as EventType[],
    tables: ['counts'],
    createTables: async (tx, named) => {
      await tx.query(`create table ${named('counts')} (n bigint not null)`);
      await tx.query(`insert into ${named('counts')} values (0)`);
    },
    apply: async (tx, named, events) => {
      await tx.query(`update ${named('counts')} set n = n + $1`, [events.length]);
    },
  };
}

describe('when an event cannot be handled', () => {
  test('it is parked with all later ones of its subject, and everything else goes on', async () => {
    const leader = startLeader(fixture);
    const [poisoned] = await Promise.all([makeJob(fixture.store), makeJob(fixture.store)]);
    await untilLogged(fixture);
    const picky = failingAt(poisoned.jobId);
    await installProjections(fixture.database, [picky]);
    await runToEnd(picky);
    expect(await parkedTypes()).toEqual(['completed']);
    await fixture.store.deleteAsset(poisoned.jobId, 0, 'alice');
    await untilLogged(fixture);
    await leader.stop();
    await runToEnd(picky);
    expect(await parkedTypes()).toEqual(['completed', 'deleted']);
    const [row] = await fixture.database.query<{ n: number }>('select n from picky_v1');
    const [events] = await fixture.database.query<{ n: number }>('select count(*) as n from events');
    expect(row?.n).toBe((events?.n ?? 0) - 2);
  });

  function failingAt(poisonedId: string): Projection {
    const counts = counter();
    return {
      ...counts,
      name: 'picky',
      tables: ['picky'],
      createTables: (tx, named) => counts.createTables(tx, () => named('picky')),
      apply: async (tx, named, events) => {
        await counts.apply(tx, () => named('picky'), events);
        const poison = events.some((event) => event.type === 'JobCompleted' && event.subjectId === poisonedId);
        if (poison) throw new TypeError('cannot complete');
      },
    };
  }

  async function parkedTypes(): Promise<(string | undefined)[]> {
    const rows = await fixture.database.query<{ type: string }>(
      'select type from projection_parked join events using (position) order by position',
    );
    return rows.map(({ type }) => type.split('.').at(-1));
  }
});

describe('when the database is at fault rather than the event', () => {
  test('nothing is parked and the projection stays where it is', async () => {
    const broken: Projection = { ...counter(), name: 'broken', tables: [], createTables: async () => undefined };
    await installProjections(fixture.database, [broken]);
    const missing = {
      ...broken,
      apply: async (tx: Transaction) => void (await tx.query('select * from no_such_table')),
    };
    await expect(runner(missing).advance()).rejects.toThrow('no_such_table');
    const [row] = await fixture.database.query("select position from projections where name = 'broken'");
    expect(row).toEqual({ position: 0 });
  });
});

describe('a new version of a projection', () => {
  test('is shown in place of the older one once it has caught up, and not before', async () => {
    const [older, newer] = [versionOf(1), versionOf(2)];
    await installProjections(fixture.database, [older, newer]);
    const live = async () =>
      (
        await fixture.database.query<{ version: number }>(
          "select version from projections where name = 'shown' and live",
        )
      )[0]?.version;
    await runToEnd(older);
    expect(await live()).toBe(1);
    await runToEnd(newer);
    expect(await live()).toBe(2);
    await runToEnd(older);
    expect(await live()).toBe(2);
  });

  function versionOf(version: number): Projection {
    return {
      ...counter(),
      name: 'shown',
      version,
      tables: ['shown'],
      createTables: async (tx, named) => void (await tx.query(`create table ${named('shown')} (n bigint)`)),
      apply: async () => undefined,
    };
  }
});
