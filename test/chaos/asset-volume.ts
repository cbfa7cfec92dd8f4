/** Where the assets of a run lie, and how that place can fail. */
import { execFile } from 'node:child_process';
import { mkdir, open, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Room for all pictures of a long run; it lies in memory. */
const VOLUME_BYTES = 1024 ** 3;
const CHUNK = Buffer.alloc(4 * 1024 * 1024);
const REMOUNT_TRIES = 20;

/**
 * A small file system of its own where the system lets us mount one: then it can really be full and read-only. Elsewhere
 * both faults make the folder vanish instead. The store's folder is a link, so that it can vanish in one step.
 */
export class AssetVolume {
  private constructor(
    private readonly folder: string,
    private readonly mounted: boolean,
  ) {}

  /** `ownMounts`: whether this process has a mount namespace of its own, which takes its mounts with it. */
  static async create(folder: string, ownMounts: boolean): Promise<AssetVolume> {
    const volume = new AssetVolume(folder, ownMounts);
    await mkdir(volume.path('volume'), { recursive: true });
    if (ownMounts) await run('mount', ['-t', 'tmpfs', '-o', `size=${VOLUME_BYTES}`, 'tmpfs', volume.path('volume')]);
    await mkdir(volume.path('volume', 'store'));
    await writeFile(volume.path('no-folder'), '');
    await volume.linkTo(volume.path('volume', 'store'));
    return volume;
  }

  /** The folder for `ASSET_STORE`. */
  get root(): string {
    return this.path('assets');
  }

  /** Takes all room until mended. */
  async fill(): Promise<void> {
    if (!this.mounted) return this.vanish();
    const filler = await open(this.path('volume', 'filler'), 'w');
    try {
      for (;;) await filler.write(CHUNK);
    } catch (error) {
      if (!isFull(error)) throw error;
    } finally {
      await filler.close();
    }
  }

  async makeReadOnly(): Promise<void> {
    if (!this.mounted) return this.vanish();
    await this.remount('ro');
  }

  /** In place of the folder there is a file. */
  async vanish(): Promise<void> {
    await this.linkTo(this.path('no-folder'));
  }

  async mend(): Promise<void> {
    if (this.mounted) await this.remount('rw');
    await rm(this.path('volume', 'filler'), { force: true });
    await this.linkTo(this.path('volume', 'store'));
  }

  async close(): Promise<void> {
    if (this.mounted) await run('umount', ['--lazy', this.path('volume')]);
  }

  /** While a file is open for writing, the system refuses to make its volume read-only. */
  private async remount(mode: 'ro' | 'rw'): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await run('mount', ['-o', `remount,${mode}`, this.path('volume')]);
        return;
      } catch (error) {
        if (attempt === REMOUNT_TRIES) throw error;
      }
    }
  }

  private async linkTo(target: string): Promise<void> {
    await symlink(target, this.path('new-link'));
    await rename(this.path('new-link'), this.root);
  }

  private path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOSPC';
}
