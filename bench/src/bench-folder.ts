import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guardFolder } from '#launcher/orphan-guard.js';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Downloads and data of a run. In the checkout, because the system's temporary folder may be memory without a disk. */
export const CACHE = join(ROOT, '.cache');

export interface BenchFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** A folder for one part of a run. It goes when this process does, even by SIGKILL. */
export async function benchFolder(): Promise<BenchFolder> {
  await mkdir(CACHE, { recursive: true });
  const path = await mkdtemp(join(CACHE, 'bench-'));
  const release = guardFolder(path);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      release();
    },
  };
}
