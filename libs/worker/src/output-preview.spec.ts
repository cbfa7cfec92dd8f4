import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { StorageError } from '#asset-store/storage-error.js';
import { createLog } from '#service-kit/log.js';
import { storePreview } from './output-preview.js';
import { type PixelRows, shrunk } from './pixels.js';

const KEY = `image_fast/${'0123456789abcdef'.repeat(2)}/01890000-0000-7000-8000-000000000000/0.png`;
const MARK = { identity: { engine: 'wan', model: 'm', version: '1', device: 'cuda' }, software: 'OurVidz' };
const log = createLog('test', 'silent');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ourvidz-previews-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Left half dark, right half light; lighter towards the foot. */
function aPicture(width: number, height: number): PixelRows {
  const row = (y: number) =>
    Uint8Array.from({ length: width * 3 }, (_, at) => (at < (width * 3) / 2 ? 20 : 120) + (y % 100));
  return {
    width,
    height,
    eachRow: (visit) => {
      for (let y = 0; y < height; y++) visit(row(y));
    },
  };
}

describe('a picture is made smaller', () => {
  test.each([
    [1024, 1024, 320, 320],
    [480, 832, 320, 555],
    [333, 100, 320, 96],
    [200, 300, 200, 300],
    [4000, 2, 320, 1],
    [1, 5, 1, 5],
  ])('%i x %i to %i x %i, every pixel from its place', (width, height, newWidth, newHeight) => {
    const small = shrunk(aPicture(width, height), 320);
    expect(small).toMatchObject({ width: newWidth, height: newHeight });
    expect(small.rgba).toHaveLength(newWidth * newHeight * 4);
    for (let at = 3; at < small.rgba.length; at += 4) expect(small.rgba[at]).toBe(255);
    if (width === 1) return;
    expect(small.rgba[0]).toBeLessThan(small.rgba[(newWidth - 1) * 4] ?? 0);
  });

  test('to the mean of the pixels that it stands for', () => {
    const rows = [
      [0, 0, 0, 100, 100, 100],
      [200, 200, 200, 100, 100, 100],
    ];
    const pixels = {
      width: 2,
      height: 2,
      eachRow: (visit: (row: Uint8Array) => void) => rows.map((row) => Uint8Array.from(row)).forEach(visit),
    };
    expect([...shrunk(pixels, 1).rgba]).toEqual([100, 100, 100, 255]);
  });
});

describe('a preview', () => {
  test('is a WebP file of its size beside the asset, and says that it was generated', async () => {
    const assets = new FileAssetStore(folder);
    const preview = await storePreview(KEY, aPicture(640, 400), MARK, { assets, log });
    const file = await readFile(join(folder, KEY.replace('.png', '.preview.webp')));
    expect(preview).toEqual({
      key: KEY.replace('.png', '.preview.webp'),
      mediaType: 'image/webp',
      bytes: file.length,
      width: 320,
      height: 200,
    });
    expect(chunksOf(file).map(({ type }) => type)).toEqual(['VP8X', 'VP8 ', 'XMP ']);
    const [header, , xmp] = chunksOf(file).map(({ content }) => content);
    expect([header?.readUIntLE(4, 3), header?.readUIntLE(7, 3)]).toEqual([319, 199]);
    expect(xmp?.toString()).toContain('digitalsourcetype/trainedAlgorithmicMedia');
  });

  test('that cannot be stored is none', async () => {
    const assets = new FileAssetStore(folder);
    assets.put = () => Promise.reject(new StorageError('no space left', true));
    expect(await storePreview(KEY, aPicture(64, 64), MARK, { assets, log })).toBeUndefined();
  });
});

/** RIFF: the length counts everything behind it. */
function chunksOf(file: Buffer): { type: string; content: Buffer }[] {
  expect(file.toString('latin1', 0, 4) + file.toString('latin1', 8, 12)).toBe('RIFFWEBP');
  expect(file.readUInt32LE(4)).toBe(file.length - 8);
  const chunks = [];
  for (let at = 12; at < file.length; ) {
    const length = file.readUInt32LE(at + 4);
    chunks.push({ type: file.toString('latin1', at, at + 4), content: file.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return chunks;
}
