/** Assets as files in a folder. Workers write them, the gateway reads and deletes them. */
import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream, type Dirent } from 'node:fs';
import { access, link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isAssetKey } from './asset-key.js';
import { errorCode, StorageError, storageErrorOf } from './storage-error.js';

export interface PutResult {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface AssetFile {
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** A whole file that has no name yet. */
export interface StagedFile {
  read(): Promise<Buffer>;
  discard(): Promise<void>;
}

/** There is more of it than there may be. */
export class FileTooLargeError extends Error {
  override readonly name = 'FileTooLargeError';
}

/** What to sweep. */
export interface SweepOptions {
  readonly olderThanMs?: number;
  readonly beside?: string;
}

const TEMPORARY = /^\.\d\.[a-z0-9.]+\.[0-9a-f-]{36}\.part$/;
/** No single write takes that long: a temporary file this old was left by a crash. */
const LEFTOVER_AGE_MS = 60_000;
/** Times that a folder may vanish under a write because its last other file was deleted. */
const FOLDER_TRIES = 5;

export class FileAssetStore {
  /** Absolute path of the folder. */
  readonly root: string;

  constructor(folder: string) {
    this.root = resolve(folder);
  }

  /**
   * Stores the bytes under the key, unless there is a file already: then that one stays, and its size and hash are
   * answered. An attempt that somebody else has overtaken can so never put another picture under what is told of the
   * first. Nobody sees a part of a file, and once this resolves it outlives a power cut.
   * @throws StorageError when the disk is full, read-only or not ours.
   */
  async put(key: string, bytes: Uint8Array): Promise<PutResult> {
    const path = this.pathOf(key);
    try {
      const store = async () => ((await writeAtomically(path, bytes)) ? bytes : await readFile(path));
      const stored = await inFolder(dirname(path), store);
      return { bytes: stored.byteLength, sha256: createHash('sha256').update(stored).digest('hex') };
    } catch (error) {
      throw storageErrorOf(error, `storing ${key}`);
    }
  }

  /**
   * Takes in what is to be stored under the key, without anybody seeing it there yet; the caller discards it.
   * @throws FileTooLargeError beyond `maxBytes`, and StorageError as `put`; the source's own error when it breaks off.
   */
  async stage(key: string, source: Readable, maxBytes: number, signal?: AbortSignal): Promise<StagedFile> {
    const path = this.pathOf(key);
    const temporary = temporaryName(path);
    const discard = async () => {
      await rm(temporary, { force: true });
      await this.removeEmptyFolders(dirname(path));
    };
    try {
      const file = await inFolder(dirname(path), () => open(temporary, 'wx', 0o644));
      // Destroying a request would cut off its answer as well.
      const chunks = source.iterator({ destroyOnReturn: false });
      await pipeline(chunks, atMost(maxBytes), file.createWriteStream(), { signal });
      return { read: () => readStaged(temporary), discard };
    } catch (error) {
      await discard();
      throw storageErrorOf(error, `taking in ${key}`);
    }
  }

  /** Size and time of a file, or undefined when there is none. */
  async stat(key: string): Promise<AssetFile | undefined> {
    try {
      const found = await stat(this.pathOf(key));
      return found.isFile() ? { bytes: found.size, modifiedAt: found.mtime } : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw storageErrorOf(error, `reading ${key}`);
    }
  }

  /** The bytes from `start` to `end`, both included; the whole file without them. Errors come with the stream. */
  openRange(key: string, range: { start?: number; end?: number } = {}): Readable {
    return createReadStream(this.pathOf(key), range);
  }

  /** Removes a file and the folders that it leaves empty. Deleting what is not there is fine. */
  async delete(key: string): Promise<void> {
    const path = this.pathOf(key);
    try {
      await rm(path, { force: true });
      await this.removeEmptyFolders(dirname(path));
    } catch (error) {
      throw storageErrorOf(error, `deleting ${key}`);
    }
  }

  /** Creates the folder when it is missing and says why it cannot be used, or undefined when all is well. */
  async usable(): Promise<string | undefined> {
    try {
      await mkdir(this.root, { recursive: true });
      await access(this.root, constants.R_OK | constants.W_OK | constants.X_OK);
      return undefined;
    } catch (error) {
      return `the asset folder ${this.root} cannot be used: ${errorCode(error) ?? String(error)}`;
    }
  }

  /**
   * Deletes what writes left behind that a crash interrupted, in the whole store or `beside` one key. Returns how many
   * files that were.
   */
  async sweepLeftovers({ olderThanMs = LEFTOVER_AGE_MS, beside }: SweepOptions = {}): Promise<number> {
    const folder = beside === undefined ? this.root : dirname(this.pathOf(beside));
    try {
      return await this.sweep(folder, Date.now() - olderThanMs);
    } catch (error) {
      throw storageErrorOf(error, 'sweeping');
    }
  }

  private async sweep(folder: string, newest: number): Promise<number> {
    let swept = 0;
    for await (const path of temporaryFiles(folder)) {
      const found = await unlessAbsent(stat(path));
      if (!found || found.mtimeMs > newest) continue;
      await rm(path, { force: true });
      await this.removeEmptyFolders(dirname(path));
      swept += 1;
    }
    return swept;
  }

  private pathOf(key: string): string {
    if (!isAssetKey(key)) throw new StorageError('not an asset key', false);
    return join(this.root, key);
  }

  private async removeEmptyFolders(folder: string): Promise<void> {
    for (let at = folder; at.startsWith(this.root + sep); at = dirname(at)) {
      try {
        await rmdir(at);
      } catch (error) {
        if (!isInUse(error) && !isAbsent(error)) throw error;
        if (isInUse(error)) return;
      }
    }
  }
}

/**
 * Works in a folder that is made before. A folder can vanish between its creation and its use: a delete took its last other
 * file. Then it is made again.
 */
async function inFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await mkdir(folder, { recursive: true });
      return await work();
    } catch (error) {
      // Making a path whose folders vanish meanwhile ends with ENOTDIR as well.
      if (!isAbsent(error) || attempt === FOLDER_TRIES) throw error;
    }
  }
}

/** What `TEMPORARY` finds again after a crash. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomUUID()}.part`);
}

/** A later attempt of the job sweeps away what an earlier one has not finished. */
async function readStaged(temporary: string): Promise<Buffer> {
  try {
    return await readFile(temporary);
  } catch (error) {
    if (isAbsent(error)) throw new StorageError('the file was swept away', true, { cause: error });
    throw storageErrorOf(error, 'reading a staged file');
  }
}

/** Passes on what comes, until it is too much. */
function atMost(maxBytes: number) {
  return async function* (chunks: AsyncIterable<Buffer>) {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new FileTooLargeError(`more than ${maxBytes} bytes`);
      yield chunk;
    }
  };
}

/** Whether the bytes are under the path now; not when a file was there before. */
async function writeAtomically(path: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = temporaryName(path);
  try {
    await writeDurably(temporary, bytes);
    const placed = await linkUnlessThere(temporary, path);
    // The first writer may not have come to this yet.
    await syncFolder(dirname(path));
    return placed;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Unlike a rename, a second name for a file never takes the place of another one. */
async function linkUnlessThere(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    if (!hasNoLinks(error)) throw error;
  }
  // Of two writers at the same moment the last one wins here; any later one finds the file.
  if (await unlessAbsent(stat(path))) return false;
  await rename(temporary, path);
  return true;
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o644);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename in the folder outlive a power cut. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await unlessAbsent(open(folder, 'r'));
  if (!handle) return; // deleted at once: nothing to keep
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function* temporaryFiles(folder: string): AsyncGenerator<string> {
  const entries: Dirent[] = (await unlessAbsent(readdir(folder, { withFileTypes: true }))) ?? [];
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* temporaryFiles(path);
    else if (TEMPORARY.test(entry.name)) yield path;
  }
}

async function unlessAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '');
}

/** Some file systems, of networks and of memory sticks, know no second name. */
function hasNoLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? '');
}

function isInUse(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(errorCode(error) ?? '');
}
