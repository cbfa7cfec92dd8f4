import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guardFolder } from '#launcher/orphan-guard.js';

/** A folder for one test. */
export interface ScratchFolder {
  path: string;
  /** Removes the folder and all that is in it. */
  remove(): Promise<void>;
}

/** Makes a folder in the system's temporary folder. It goes when this process does, even by SIGKILL. */
export async function scratchFolder(): Promise<ScratchFolder> {
  const path = await mkdtemp(join(tmpdir(), 'ourvidz-test-'));
  const release = guardFolder(path);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
      release();
    },
  };
}
