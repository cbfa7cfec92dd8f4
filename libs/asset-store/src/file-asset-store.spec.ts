import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAssetKey } from './asset-key.js';
import { FileAssetStore, FileTooLargeError } from './file-asset-store.js';
import { resolveStore } from './resolve-store.js';
import { StorageError, storageErrorOf } from './storage-error.js';

const JOB = `sdxl_image_fast/${'0123456789abcdef'.repeat(2)}/01890000-0000-7000-8000-000000000000`;
const KEY = `${JOB}/0.png`;

let root: string;
let store: FileAssetStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'asset-store-'));
  store = new FileAssetStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the file store', () => {
  it('keeps bytes and tells their size and hash', async () => {
    const bytes = Buffer.from('a picture');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(await store.put(KEY, bytes)).toEqual({ bytes: 9, sha256 });
    expect((await store.stat(KEY))?.bytes).toBe(9);
    expect(await buffer(store.openRange(KEY, { start: 2, end: 4 }))).toEqual(Buffer.from('pic'));
  });

  it('keeps the first file under a key, tells of that one, and leaves nothing else behind', async () => {
    const first = await store.put(KEY, Buffer.from('first'));
    expect(await store.put(KEY, Buffer.from('2nd'))).toEqual(first);
    expect(await readFile(join(root, KEY), 'utf8')).toBe('first');
    expect(await readdir(join(root, JOB))).toEqual(['0.png']);
  });

  it('shows a reader a whole file at any moment', async () => {
    const whole = [Buffer.alloc(300_000, 1), Buffer.alloc(300_000, 2)] as const;
    await store.put(KEY, whole[0]);
    const writing = Promise.all(Array.from({ length: 10 }, (_, i) => store.put(KEY, whole[i % 2 === 0 ? 0 : 1])));
    for (let i = 0; i < 20; i += 1) {
      const seen = await readFile(join(root, KEY));
      expect(seen.length).toBe(300_000);
      expect(seen[0]).toBe(seen[299_999]);
    }
    await writing;
  });

  it('forgets a deleted file and its empty folders, twice over', async () => {
    await store.put(KEY, Buffer.from('x'));
    await store.put(`${JOB}/1.png`, Buffer.from('y'));
    await Promise.all([store.delete(KEY), store.delete(KEY)]);
    expect(await store.stat(KEY)).toBeUndefined();
    expect(await store.stat(`${JOB}/1.png`)).toBeDefined();
    await store.delete(`${JOB}/1.png`);
    expect(await readdir(root)).toEqual([]);
  });

  it('survives writes and deletes of one folder at the same time', async () => {
    const rounds = Array.from({ length: 40 }, async (_, i) => {
      const key = `${JOB}/${i % 6}.png`;
      await store.put(key, Buffer.from('x'));
      await store.delete(key);
    });
    await Promise.all(rounds);
    expect(await readdir(root)).toEqual([]);
  });

  it('sweeps what an interrupted write left, and spares a running one', async () => {
    await store.put(KEY, Buffer.from('x'));
    const left = join(root, JOB, '.1.preview.webp.00000000-0000-4000-8000-000000000000.part');
    const fresh = join(root, JOB, '.2.png.00000000-0000-4000-8000-000000000000.part');
    await writeFile(left, 'half');
    await writeFile(fresh, 'half');
    await utimes(left, 0, 0);
    expect(await store.sweepLeftovers()).toBe(1);
    expect((await readdir(dirname(left))).sort()).toEqual([
      '.2.png.00000000-0000-4000-8000-000000000000.part',
      '0.png',
    ]);
  });

  it('stages a file that nobody sees, and leaves nothing of it behind', async () => {
    const staged = await store.stage(KEY, Readable.from([Buffer.from('a pic'), Buffer.from('ture')]), 9);
    expect(await staged.read()).toEqual(Buffer.from('a picture'));
    expect(await store.stat(KEY)).toBeUndefined();
    await store.put(KEY, Buffer.from('marked'));
    await staged.discard();
    expect(await readdir(join(root, JOB))).toEqual(['0.png']);
  });

  it('stages no more than it may, and nothing of what breaks off', async () => {
    const tooMuch = Readable.from([Buffer.alloc(5), Buffer.alloc(5)]);
    await expect(store.stage(KEY, tooMuch, 9)).rejects.toBeInstanceOf(FileTooLargeError);
    const broken = new Readable({ read: () => broken.destroy(new Error('broke off')) });
    await expect(store.stage(KEY, broken, 9)).rejects.toThrow('broke off');
    expect(await readdir(root)).toEqual([]);
  });

  it('tells when a staged file was swept away', async () => {
    const staged = await store.stage(KEY, Readable.from([Buffer.from('x')]), 9);
    expect(await store.sweepLeftovers({ olderThanMs: -1, beside: KEY })).toBe(1);
    await expect(staged.read()).rejects.toMatchObject({ name: 'StorageError', retryable: true });
    await staged.discard();
  });

  it('says whether its folder can be used', async () => {
    expect(await new FileAssetStore(join(root, 'new')).usable()).toBeUndefined();
    await writeFile(join(root, 'file'), '');
    expect(await new FileAssetStore(join(root, 'file')).usable()).toContain('cannot be used');
  });
});

describe('a key', () => {
  const traversals = [
    '..',
    '../x',
    `../${KEY}`,
    `${JOB}/../0.png`,
    `/${KEY}`,
    `${KEY}\0`,
    `${KEY}\n`,
    '',
    `${JOB}/`,
    JOB,
  ];

  it.each(traversals)('%j is none', async (key) => {
    expect(isAssetKey(key)).toBe(false);
    await expect(store.put(key, Buffer.from('x'))).rejects.toBeInstanceOf(StorageError);
    await expect(store.delete(key)).rejects.toBeInstanceOf(StorageError);
  });

  it('of any other text never leads out of the store', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webPath()), (key) => {
        expect(isAssetKey(key)).toBe(false);
      }),
    );
  });
});

describe('a file system error', () => {
  it.each([
    ['ENOSPC', true],
    ['EROFS', false],
    ['EACCES', false],
  ])('%s becomes a StorageError', (code, retryable) => {
    const error = storageErrorOf(Object.assign(new Error(code), { code }), 'storing');
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ retryable });
  });

  it('of another kind stays what it is', () => {
    const error = new TypeError('bug');
    expect(storageErrorOf(error, 'storing')).toBe(error);
  });
});

describe('ASSET_STORE', () => {
  it('names a folder', () => {
    expect(resolveStore('file:/srv/assets').root).toBe('/srv/assets');
    expect(resolveStore('file:///srv/assets').root).toBe('/srv/assets');
    expect(resolveStore('file:assets').root).toBe(join(process.cwd(), 'assets'));
  });

  it.each(['s3:bucket', 'file:', 'file://host/x', '/srv', 'http://x', ''])('%j is refused with a reason', (address) => {
    expect(() => resolveStore(address)).toThrow(/ASSET_STORE/);
  });
});
