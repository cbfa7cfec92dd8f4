import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unlessMissing } from '#service-kit/file-errors.js';

const LARGEST_BYTES = 10_000_000;
/** How many earlier files are kept: `.1` is the latest. */
const KEPT = 3;

/** Opens a log to append to; a large one is put aside first. Only its owner may read it. */
export async function openLogFile(path: string, onError: (error: Error) => void): Promise<WriteStream> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const found = await unlessMissing(stat(path));
  if ((found?.size ?? 0) > LARGEST_BYTES) await putAside(path);
  return createWriteStream(path, { flags: 'a', mode: 0o600 }).once('error', onError);
}

async function putAside(path: string): Promise<void> {
  for (let age = KEPT - 1; age >= 1; age--) await unlessMissing(rename(`${path}.${age}`, `${path}.${age + 1}`));
  await rename(path, `${path}.1`);
}
