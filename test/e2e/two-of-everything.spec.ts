import { once } from 'node:events';
import { afterEach, describe, expect, it, onTestFailed } from 'vitest';
import { type ServerSentEvent, serverSentEvents } from '../support/job-events.js';
import { Platform, type PlatformOptions, type ServiceProcess } from '../support/platform.js';
import { listedAssets, query, queueJob, untilEvent } from './jobs-over-http.js';

let platform: Platform;

afterEach(() => platform.close());

describe('two gateways', () => {
  it('when the one that a client watches is killed › the other goes on, every stored event once and in order', async () => {
    await start({ previewMs: 1_500 });
    const [first] = services('gateway');
    await platform.startGateway();
    const id = await queueJob(platform);
    const before = await eventsOf(id, first?.url, async ({ event }) => {
      if (event === 'asset') await first?.end('SIGKILL');
    });
    const last = before.findLast((event) => event.id !== '')?.id;
    const after = await eventsOf(id, platform.url, undefined, last);
    const stored = [...before, ...after].filter((event) => event.id !== '' && event.event !== 'done');
    const ids = stored.map((event) => Number(event.id));
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    const assets = stored.filter(({ event }) => event === 'asset').map(({ data }) => data.index);
    expect(assets).toEqual([0, 1, 2, 3, 4, 5]);
    expect(after.at(-1)).toMatchObject({ event: 'done', data: { status: 'completed' } });
  });

  it('answer the same job, whichever of them took it', async () => {
    await start({});
    const id = await queueJob(platform);
    await platform.startGateway();
    expect(await untilEvent(platform, id, 'done')).toMatchObject({ id, status: 'completed' });
  });
});

describe('three workers', () => {
  it('share the jobs: each is made by one of them, once', async () => {
    await start({ workers: 3, previewMs: 300 });
    const ids = await Promise.all(Array.from({ length: 9 }, () => queueJob(platform, 1)));
    for (const id of ids) expect(await untilEvent(platform, id, 'done')).toMatchObject({ status: 'completed' });
    for (const id of ids) await listedAssets(platform, id, 1);
    const starts = await startsOf(ids);
    expect(starts.map(({ job }) => job).sort()).toEqual([...ids].sort());
    expect(new Set(starts.map(({ worker }) => worker)).size).toBe(3);
  });
});

describe('a worker that is told to stop in the middle of a job', () => {
  it('without time to drain › hands it back at once, and another one ends it', async () => {
    await start({ previewMs: 6_000, environment: { DRAIN_SECONDS: '0' } });
    const id = await queueJob(platform);
    await untilEvent(platform, id, 'asset');
    const [worker] = services('sdxl-worker');
    await platform.startWorker({ PREVIEW_DURATION_MS: '0' });
    const toldAt = Date.now();
    expect(await exitOf(worker, 'SIGTERM')).toEqual([0, null]);
    expect(await untilEvent(platform, id, 'done')).toMatchObject({ status: 'completed' });
    // A killed worker's job would wait for 30 s.
    expect(Date.now() - toldAt).toBeLessThan(5_000);
    await listedAssets(platform, id, 6);
    expect((await startsOf([id])).map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('with time to drain › finishes it, takes no other one, and ends', async () => {
    await start({ previewMs: 1_500, environment: { DRAIN_SECONDS: '20' } });
    const id = await queueJob(platform);
    await untilEvent(platform, id, 'asset');
    const next = await queueJob(platform);
    const [worker] = services('sdxl-worker');
    expect(await exitOf(worker, 'SIGTERM')).toEqual([0, null]);
    expect(await untilEvent(platform, id, 'done')).toMatchObject({ status: 'completed' });
    expect(await (await platform.fetch(`/api/jobs/${next}`)).json()).toMatchObject({ status: 'queued' });
    await listedAssets(platform, id, 6);
    expect((await startsOf([id])).map(({ attempt }) => attempt)).toEqual([1]);
  });
});

async function start(options: PlatformOptions): Promise<void> {
  platform = await Platform.start(options);
  onTestFailed(() => console.error(platform.output.join('')));
}

function services(name: ServiceProcess['name']): ServiceProcess[] {
  return [...platform.running].filter((service) => service.name === name);
}

async function exitOf(service: ServiceProcess | undefined, signal: NodeJS.Signals): Promise<unknown[]> {
  if (!service) throw new Error('there is no such service');
  const exit = once(service.child, 'exit');
  service.child.kill(signal);
  return exit;
}

/** What a gateway tells of a job until it has no more to tell, or is no more. */
async function eventsOf(
  id: string,
  gateway: string | undefined,
  onEvent: (event: ServerSentEvent) => Promise<void> = async () => undefined,
  lastEventId?: string,
): Promise<ServerSentEvent[]> {
  const headers = lastEventId === undefined ? undefined : { 'last-event-id': lastEventId };
  const events: ServerSentEvent[] = [];
  try {
    for await (const event of serverSentEvents(await platform.fetch(`${gateway}/api/jobs/${id}/events`, { headers }))) {
      events.push(event);
      await onEvent(event);
    }
  } catch (error) {
    // `fetch` says so when the server dies.
    if (!(error instanceof TypeError)) throw error;
  }
  return events;
}

function startsOf(ids: readonly string[]): Promise<{ job: string; worker: string; attempt: number }[]> {
  return query(
    platform.databaseUrl,
    `select subject_id as job, data->>'worker' as worker, (data->>'attempt')::integer as attempt
       from events where type like '%.started' and subject_id in (${ids.map((id) => `'${id}'`).join()})
      order by position`,
  );
}
