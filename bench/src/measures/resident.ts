/** Memory of each process: idle, and the most that it had under all loads of this run. */
import { setTimeout as delay } from 'node:timers/promises';
import { BenchPlatform } from '../bench-platform.js';
import type { Measure } from '../measure.js';
import { residentSizes } from '../memory.js';
import { count, type Row } from '../report.js';

const SETTLE_MS = 8_000;
/** MB (10^6 bytes). */
const GOALS: Readonly<Record<string, number>> = { gateway: 170, 'sdxl-worker': 130 };
const SHOWN = ['gateway', 'sdxl-worker', 'jobs', 'nats-server'];

export const resident: Measure = {
  name: 'memory',
  title: 'Memory (resident, MB)',
  async run({ memory }): Promise<Row[]> {
    const platform = await BenchPlatform.start({ previewMs: 2_000 });
    try {
      await Promise.all([platform.startService('jobs'), platform.startService('gateway')]);
      await platform.startService('sdxl-worker');
      await delay(SETTLE_MS);
      const idle = await residentSizes(platform.processes());
      return SHOWN.map((name) => rowOf(name, idle.get(name) ?? Number.NaN, memory.peaks().get(name)));
    } finally {
      await platform.close();
    }
  },
};

function rowOf(name: string, idle: number, peak: number | undefined): Row {
  const goal = GOALS[name];
  const highest = Math.max(idle, peak ?? idle);
  return {
    what: name,
    ours: peak === undefined ? `idle ${count(idle)}` : `idle ${count(idle)}, most under load ${count(highest)}`,
    goal: goal === undefined ? undefined : { text: `≤ ${goal}`, met: highest <= goal },
  };
}
