/** What it was measured on. */

import { open } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { locateNatsServer } from '#launcher/nats-binary.js';
import { locatePostgres } from '#launcher/postgres-binary.js';
import { benchFolder, CACHE } from './bench-folder.js';
import { ms } from './report.js';
import { median } from './statistics.js';

export async function machineLine(): Promise<string> {
  const { version } = await locateNatsServer({ cacheDir: CACHE, log: () => undefined });
  const { major } = await locatePostgres(undefined);
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const servers = `NATS ${version}, PostgreSQL ${major}`;
  const node = `Node.js ${process.version}`;
  const flush = `one flush of the disk ${ms(await flushTime())} (median)`;
  const busy = `load by others before the run ${(loadavg()[0] ?? 0).toFixed(1)}`;
  return [`${availableParallelism()} cores (${model})`, memory, process.platform, node, servers, flush, busy].join(
    ', ',
  );
}

const FLUSHES = 200;

/** Milliseconds that a kilobyte takes to the disk: most of what a durable message costs. */
async function flushTime(): Promise<number> {
  const folder = await benchFolder();
  const file = await open(join(folder.path, 'flushed'), 'w');
  const taken: number[] = [];
  for (let flush = 0; flush < FLUSHES; flush++) {
    await file.write(Buffer.alloc(1_000));
    const startedAt = performance.now();
    await file.datasync();
    taken.push(performance.now() - startedAt);
  }
  await file.close();
  await folder.remove();
  return median(taken);
}
