/** Where the assets of a run lie, and how that place can fail. */
import { execFile } from 'node:child_process';
import { mkdir, rename, statfs, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Room for all pictures of a long run. It lies in memory, and only what is used takes any. */
const VOLUME_BYTES = 16 * 1024 ** 3;
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

  /** Takes all room that is left, until mended. */
  async fill(): Promise<void> {
    if (!this.mounted) return this.vanish();
    await this.remount(async () => {
      const { blocks, bfree, bsize } = await statfs(this.path('volume'));
      return `rw,size=${(blocks - bfree) * bsize}`;
    });
  }

  async makeReadOnly(): Promise<void> {
    if (!this.mounted) return this.vanish();
    await this.remount(async () => 'ro');
  }

  /** In place of the folder there is a file. */
  async vanish(): Promise<void> {
    await this.linkTo(this.path('no-folder'));
  }

  async mend(): Promise<void> {
    if (this.mounted) await this.remount(async () => `rw,size=${VOLUME_BYTES}`);
    await this.linkTo(this.path('volume', 'store'));
  }

  async close(): Promise<void> {
    if (this.mounted) await run('umount', ['--lazy', this.path('volume')]);
  }

  /** The system refuses while a file is open for writing, or when more is used by now. */
  private async remount(options: () => Promise<string>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await run('mount', ['-o', `remount,${await options()}`, this.path('volume')]);
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
