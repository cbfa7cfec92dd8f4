/** How soon an accepted job begins on an idle platform, and how soon its first picture can be seen. */
import { BenchPlatform } from '../bench-platform.js';
import { Browser } from '../browser.js';
import type { Measure } from '../measure.js';
import type { MemoryWatch } from '../memory.js';
import { PlatformSystem } from '../platform-system.js';
import { startLatency } from '../queue-driver.js';
import { ms, type Row, spread } from '../report.js';
import { percentile, spreadOf } from '../statistics.js';

const GOAL = { p50: 3, p99: 30, firstPicture: 1_000 };
const WARM_UP_JOBS = 30;

export const starting: Measure = {
  name: 'start',
  title: 'Starting jobs (idle platform, one worker)',
  async run({ quick, memory }): Promise<Row[]> {
    const starts = await onPlatform(0, memory, (platform) => jobStarts(platform, quick ? 60 : 300));
    const pictures = await onPlatform(2_000, memory, (platform) => firstPictures(platform, quick ? 3 : 10));
    return [...starts, ...pictures];
  },
};

async function onPlatform(previewMs: number, memory: MemoryWatch, measure: (on: BenchPlatform) => Promise<Row[]>) {
  const platform = await BenchPlatform.start({ previewMs });
  try {
    await Promise.all([platform.startService('jobs'), platform.startService('gateway')]);
    await platform.startService('sdxl-worker');
    memory.watch(platform.processes());
    return await measure(platform);
  } finally {
    await platform.close();
  }
}

async function jobStarts(platform: BenchPlatform, jobs: number): Promise<Row[]> {
  const system = await PlatformSystem.on(platform, 1);
  await startLatency(system, WARM_UP_JOBS);
  const { afterAnswer, afterSending } = await startLatency(system, jobs);
  await system.close();
  const after = spreadOf(afterAnswer);
  return [
    {
      what: 'POST answered → JobStarted seen on the live subject',
      ours: spread(after),
      goal: { text: 'p50 ≤ 3 ms, p99 ≤ 30 ms', met: after.p50 <= GOAL.p50 && after.p99 <= GOAL.p99 },
    },
    { what: 'POST sent → JobStarted seen on the live subject', ours: spread(spreadOf(afterSending)) },
  ];
}

async function firstPictures(platform: BenchPlatform, jobs: number): Promise<Row[]> {
  const browser = await Browser.of(platform, 'viewer');
  const taken: number[] = [];
  for (let job = 0; job < jobs; job++) taken.push(await firstPicture(browser));
  const typical = percentile(taken, 0.5);
  return [
    {
      what: 'POST sent → first of six pictures downloaded (preview engine, 2 s a job)',
      ours: `p50 ${ms(typical)}, slowest ${ms(Math.max(...taken))}`,
      goal: { text: '≤ 1 s', met: typical <= GOAL.firstPicture },
    },
  ];
}

/** As a page does it: post, listen, fetch what is announced. The job is waited for, so that the next one finds nobody. */
async function firstPicture(browser: Browser): Promise<number> {
  const sentAt = performance.now();
  let firstAt: number | undefined;
  for await (const { event, data } of browser.watch(await browser.post(6))) {
    if (event !== 'asset' || firstAt !== undefined) continue;
    const picture = await fetch(String(data.url));
    if (!picture.ok) throw new Error(`the picture cannot be read: ${picture.status}`);
    await picture.arrayBuffer();
    firstAt = performance.now();
  }
  if (firstAt === undefined) throw new Error('the job ended without a picture');
  return firstAt - sentAt;
}
