/** What it was measured on. */

import { open } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
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
  return `${availableParallelism()} cores (${model}), ${memory}, ${process.platform}, Node.js ${process.version}, ${servers}, one flush of the disk takes ${ms(await flushTime())} (median)`;
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
