/** `GET /api/jobs/{id}` of finished jobs. */
import { BenchPlatform } from '../bench-platform.js';
import { Browser } from '../browser.js';
import { fullLoad, type Shot, steadyLoad } from '../http-load.js';
import type { Measure } from '../measure.js';
import { count, type Row, spread } from '../report.js';
import { median, type Spread, spreadOf } from '../statistics.js';

const READERS = 32;
const JOBS = 50;
/** Until Node.js has compiled what reading takes: before that the slowest of a hundred takes twice as long. */
const WARM_UP_MS = 8_000;
const STEADY_RATE = 500;
const STEADY_ROUNDS = 5;
const GOAL_P99_MS = 10;

export const reading: Measure = {
  name: 'get',
  title: 'Reading jobs (finished, six pictures each)',
  async run({ quick, memory }): Promise<Row[]> {
    const platform = await BenchPlatform.start();
    try {
      await Promise.all([platform.startService('jobs'), platform.startService('gateway')]);
      await platform.startService('sdxl-worker');
      memory.watch(platform.processes());
      const shot = await shots(await Browser.of(platform, 'reader'));
      return await rows({ url: platform.url, connections: READERS, forMs: quick ? 2_000 : 4_000, shot });
    } finally {
      await platform.close();
    }
  },
};

async function shots(browser: Browser): Promise<() => Shot> {
  const jobs = await Promise.all(Array.from({ length: JOBS }, () => browser.post(6)));
  await Promise.all(jobs.map((job) => browser.untilDone(job)));
  let next = 0;
  return () => {
    next += 1;
    return { method: 'GET', path: `/api/jobs/${jobs[next % JOBS]?.id}`, headers: { ...browser.headers } };
  };
}

async function rows(options: Parameters<typeof fullLoad>[0]): Promise<Row[]> {
  await fullLoad({ ...options, forMs: WARM_UP_MS });
  const full = await fullLoad(options);
  const rounds = await steadyRounds(options);
  const latencies = { p50: median(rounds.map(({ p50 }) => p50)), p99: median(rounds.map(({ p99 }) => p99)) };
  return [
    {
      what: `GET /api/jobs/{id} at full rate, ${READERS} connections`,
      ours: `${count(full.rate)}/s, ${spread(spreadOf(full.latencies))}`,
    },
    {
      what: `GET /api/jobs/{id} at ${STEADY_RATE} requests a second, median of ${STEADY_ROUNDS} rounds`,
      ours: spread(latencies),
      goal: { text: `p99 ≤ ${GOAL_P99_MS} ms`, met: latencies.p99 <= GOAL_P99_MS },
    },
  ];
}

async function steadyRounds(options: Parameters<typeof fullLoad>[0]): Promise<Spread[]> {
  const rounds: Spread[] = [];
  for (let round = 0; round < STEADY_ROUNDS; round++) {
    rounds.push(spreadOf((await steadyLoad(options, STEADY_RATE)).latencies));
  }
  return rounds;
}
