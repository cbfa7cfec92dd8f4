/** Whether a long queue slows anything down, and how fast the event log takes up what it missed. */
import pg from 'pg';
import { pollUntil } from '#launcher/poll.js';
import { BenchPlatform } from '../bench-platform.js';
import type { Measure } from '../measure.js';
import type { MemoryWatch } from '../memory.js';
import { PlatformSystem } from '../platform-system.js';
import { throughput } from '../queue-driver.js';
import { fillQueue } from '../queue-filler.js';
import { count, type Row, share } from '../report.js';

const WORKERS = 4;
const CATCH_UP_LIMIT_MS = 180_000;
const GOAL = { log: 10_000, slower: 0.2 };

interface Result {
  readonly depth: number;
  readonly jobsPerSecond: number;
  readonly loggedPerSecond: number;
}

export const waiting: Measure = {
  name: 'waiting',
  title: `Long queues (${WORKERS} workers, 1 picture a job) and the event log`,
  async run({ quick, memory }): Promise<Row[]> {
    const results: Result[] = [];
    for (const depth of quick ? [100, 10_000] : [100, 10_000, 100_000]) {
      results.push(await withWaiting(depth, memory, quick));
    }
    return rowsOf(results);
  },
};

async function withWaiting(depth: number, memory: MemoryWatch, quick: boolean): Promise<Result> {
  const platform = await BenchPlatform.start();
  try {
    const jobs = await platform.startService('jobs');
    await platform.stopService(jobs);
    await fillQueue(platform, depth);
    const loggedPerSecond = await catchUp(platform, depth, memory);
    await platform.startService('gateway');
    const begin = async () => {
      await Promise.all(Array.from({ length: WORKERS }, () => platform.startService('sdxl-worker')));
      memory.watch(platform.processes());
    };
    const system = await PlatformSystem.on(platform, 1);
    const options = { depth, present: depth, begin, warmUpMs: 2_000, forMs: quick ? 3_000 : 8_000 };
    const jobsPerSecond = await throughput(system, options);
    await system.close();
    return { depth, jobsPerSecond, loggedPerSecond };
  } finally {
    await platform.close();
  }
}

/** Events per second, from the first that is in the log to the last. */
async function catchUp(platform: BenchPlatform, events: number, memory: MemoryWatch): Promise<number> {
  const database = new pg.Client({ connectionString: platform.databaseUrl });
  await database.connect();
  const position = async () => {
    const { rows } = await database.query<{ position: string }>('select position from log_head');
    return Number(rows[0]?.position ?? 0);
  };
  await platform.startService('jobs');
  memory.watch(platform.processes());
  const first = await pollUntil('the log writer', CATCH_UP_LIMIT_MS, async () => (await position()) || undefined);
  const firstAt = performance.now();
  await pollUntil('the log', CATCH_UP_LIMIT_MS, async () => ((await position()) >= events ? true : undefined));
  const took = performance.now() - firstAt;
  await database.end();
  return ((events - first) * 1000) / took;
}

function rowsOf(results: readonly Result[]): Row[] {
  const short = results.find(({ depth }) => depth === 100)?.jobsPerSecond ?? Number.NaN;
  const longest = results.at(-1);
  const rates = results.map(({ depth, jobsPerSecond }) => ({
    what: `${count(depth)} jobs waiting`,
    ours: `${count(jobsPerSecond)} jobs/s`,
    ...(depth === 100 ? {} : compared(jobsPerSecond, short)),
  }));
  const logged = longest?.loggedPerSecond ?? Number.NaN;
  return [
    ...rates,
    {
      what: `log writer and projections catching up on ${count(longest?.depth ?? 0)} events (durable Postgres)`,
      ours: `${count(logged)} events/s logged`,
      goal: { text: `≥ ${count(GOAL.log)} events/s`, met: logged >= GOAL.log },
    },
  ];
}

function compared(rate: number, short: number): Partial<Row> {
  const slower = short / rate - 1;
  return {
    beside: `100 waiting: ${count(short)}`,
    ratio: `${share(1 + slower)} of the time per job`,
    goal: { text: `≤ ${share(1 + GOAL.slower)}`, met: slower <= GOAL.slower },
  };
}
