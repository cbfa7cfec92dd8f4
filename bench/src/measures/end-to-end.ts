/** Jobs per second through the whole platform, from POST to the stored end, with the zero-time engine. */
import { BenchPlatform } from '../bench-platform.js';
import type { Measure } from '../measure.js';
import type { MemoryWatch } from '../memory.js';
import { PlatformSystem } from '../platform-system.js';
import { throughput } from '../queue-driver.js';
import { count, type Row, times } from '../report.js';

const DEPTH = 100;
const PICTURES = [1, 6] as const;
const WORKERS = [1, 2, 4] as const;

export const endToEnd: Measure = {
  name: 'jobs',
  title: `Jobs end to end (zero-time engine, ${DEPTH} waiting, log and projections kept up meanwhile)`,
  async run({ quick, memory }): Promise<Row[]> {
    const platform = await BenchPlatform.start();
    try {
      await Promise.all([platform.startService('jobs'), platform.startService('gateway')]);
      return rowsOf(await byWorkers(platform, memory, quick));
    } finally {
      await platform.close();
    }
  },
};

interface Rate {
  readonly workers: number;
  readonly pictures: number;
  readonly rate: number;
}

async function byWorkers(platform: BenchPlatform, memory: MemoryWatch, quick: boolean): Promise<Rate[]> {
  const rates: Rate[] = [];
  let running = 0;
  for (const workers of WORKERS) {
    for (; running < workers; running++) await platform.startService('sdxl-worker');
    memory.watch(platform.processes());
    for (const pictures of PICTURES) {
      const system = await PlatformSystem.on(platform, pictures);
      const rate = await throughput(system, {
        depth: DEPTH,
        drain: true,
        warmUpMs: 1_500,
        forMs: quick ? 2_000 : 5_000,
      });
      await system.close();
      rates.push({ workers, pictures, rate });
    }
  }
  return rates;
}

function rowsOf(rates: readonly Rate[]): Row[] {
  return rates.map(({ workers, pictures, rate }) => {
    const alone = rates.find((other) => other.workers === 1 && other.pictures === pictures)?.rate ?? Number.NaN;
    const what = `${plural(pictures, 'picture')} a job, ${plural(workers, 'worker')}`;
    const ours = `${count(rate)} jobs/s${pictures > 1 ? ` (${count(rate * pictures)} pictures/s)` : ''}`;
    return workers === 1
      ? { what, ours }
      : { what, ours, beside: `one worker: ${count(alone)}`, ratio: times(rate / alone) };
  });
}

function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
