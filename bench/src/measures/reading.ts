/** `GET /api/jobs/{id}` of finished jobs. */
import { BenchPlatform } from '../bench-platform.js';
import { Browser } from '../browser.js';
import { fullLoad, type Shot, steadyLoad } from '../http-load.js';
import type { Measure } from '../measure.js';
import { count, type Row, spread } from '../report.js';
import { spreadOf } from '../statistics.js';

const READERS = 32;
const JOBS = 50;
const STEADY_RATE = 500;
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
  await fullLoad({ ...options, forMs: 1_500 });
  const full = await fullLoad(options);
  const steady = await steadyLoad(options, STEADY_RATE);
  const latencies = spreadOf(steady.latencies);
  return [
    {
      what: `GET /api/jobs/{id} at full rate, ${READERS} connections`,
      ours: `${count(full.rate)}/s, ${spread(spreadOf(full.latencies))}`,
    },
    {
      what: `GET /api/jobs/{id} at ${STEADY_RATE} requests a second`,
      ours: spread(latencies),
      goal: { text: `p99 ≤ ${GOAL_P99_MS} ms`, met: latencies.p99 <= GOAL_P99_MS },
    },
  ];
}
