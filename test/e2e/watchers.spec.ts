import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_STREAMS_MAX } from '#contracts/limits.js';
import { serverSentEvents } from '../support/job-events.js';
import { Platform, type ServiceProcess } from '../support/platform.js';
import { query, queueJob } from './jobs-over-http.js';

const JOBS = 20;
const CLIENTS = 200;
/** So many that the clients of one fit at the gateway that is left. */
const USERS = CLIENTS / EVENT_STREAMS_MAX;

let platform: Platform;
let gateways: ServiceProcess[];

beforeAll(async () => {
  platform = await Platform.start({ workers: 2, previewMs: 400, environment: { RATE_LIMIT: '0' } });
  const [first] = [...platform.running].filter(({ name }) => name === 'gateway');
  const second = await platform.startGateway();
  gateways = [first as ServiceProcess, second];
}, 60_000);
afterAll(() => platform?.close());

/** One client: it follows a job to its end and comes back wherever a gateway is, from the last id that it has. */
class Watcher {
  /** Ids of the stored events, as they came. */
  readonly ids: number[] = [];
  reconnects = 0;

  constructor(
    private readonly jobId: string,
    private readonly user: string,
    private readonly at: number,
  ) {}

  async watch(): Promise<void> {
    for (let turn = this.at; ; turn++) {
      if (await this.follow(gateways[turn % gateways.length] as ServiceProcess)) return;
      this.reconnects++;
    }
  }

  /** Whether the stream came to its end. */
  private async follow({ url }: ServiceProcess): Promise<boolean> {
    try {
      const headers = { authorization: `Bearer ${await platform.token(this.user)}`, ...this.resume() };
      const response = await fetch(`${url}/api/jobs/${this.jobId}/events`, { headers });
      for await (const { id, event } of serverSentEvents(response)) {
        if (id !== '' && event !== 'done') this.ids.push(Number(id));
        if (event === 'done') return true;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    return false;
  }

  private resume(): Record<string, string> {
    const last = this.ids.at(-1);
    return last === undefined ? {} : { 'last-event-id': String(last) };
  }
}

/** Whose the job is, and who watches it. */
function userOf(k: number): string {
  return `user-${k % USERS}`;
}

describe(`${CLIENTS} clients on ${JOBS} jobs over two gateways, one of which is killed`, () => {
  it('each › sees every stored event of its job once and in order', async () => {
    const jobs = await Promise.all(Array.from({ length: JOBS }, (_, k) => queueJob(platform, 6, userOf(k))));
    const watchers = Array.from(
      { length: CLIENTS },
      (_, k) => new Watcher(jobs[k % JOBS] as string, userOf(k), Math.floor(k / JOBS)),
    );
    const watching = Promise.all(watchers.map((watcher) => watcher.watch()));
    await expect.poll(() => watchers.every(({ ids }) => ids.length > 0), { timeout: 20_000 }).toBe(true);
    await gateways[0]?.end('SIGKILL');
    await watching;
    expect(watchers.filter(({ reconnects }) => reconnects > 0).length).toBeGreaterThan(CLIENTS / 4);
    const stored = new Map(await Promise.all(jobs.map(async (id) => [id, await storedSequences(id)] as const)));
    watchers.forEach(({ ids }, k) => {
      const all = stored.get(jobs[k % JOBS] as string) ?? [];
      // Its first id stands for all that had happened before it came.
      expect(ids).toEqual(all.filter((sequence) => sequence >= (ids[0] ?? 0)));
    });
  }, 90_000);
});

/** Of all events of a job, as the log has them. */
async function storedSequences(jobId: string): Promise<number[]> {
  const sql = `select stream_seq from events where subject_id = '${jobId}' order by stream_seq`;
  const ended = `select 1 from events where subject_id = '${jobId}' and type = 'com.ourvidz.job.completed'`;
  await expect.poll(async () => (await query(platform.databaseUrl, ended)).length, { timeout: 20_000 }).toBe(1);
  return (await query<{ stream_seq: string }>(platform.databaseUrl, sql)).map(({ stream_seq }) => Number(stream_seq));
}
