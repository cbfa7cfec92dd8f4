import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkPicture } from './picture-check.js';
import { encodePngHeader, PNG_COLOUR, PNG_SIGNATURE, type PngHeader, pngChunk } from './png-chunks.js';

const END = pngChunk('IEND', Buffer.alloc(0));

/** A PNG of the given inflated rows, filter bytes included. */
function png(header: Partial<PngHeader>, rows: readonly (readonly number[])[], ...before: Buffer[]): Buffer {
  const full = { width: 2, height: 2, bitDepth: 8, colourType: PNG_COLOUR.rgb, interlaced: false, ...header };
  const data = pngChunk('IDAT', deflateSync(Buffer.from(rows.flat())));
  return Buffer.concat([PNG_SIGNATURE, encodePngHeader(full), ...before, data, END]);
}

const RED_AND_GREEN = [
  [0, 200, 0, 0, 0, 200, 0],
  [0, 0, 200, 0, 200, 0, 0],
];
const GOOD = png({}, RED_AND_GREEN);

/** A picture of one byte value; at this size every filter predicts from earlier rows and pixels. */
function filled(width: number, height: number, value: number): Buffer {
  const row = [0, ...Array.from({ length: width * 3 }, () => value)];
  return png(
    { width, height },
    Array.from({ length: height }, () => row),
  );
}

const PIXELS = [
  [255, 1, 40, 7, 250, 90, 3, 128, 200],
  [12, 200, 0, 255, 255, 9, 77, 31, 64],
  [0, 99, 180, 254, 6, 17, 140, 140, 2],
];

/** What each filter takes for a byte, by its neighbours (PNG specification 9.2 and 9.4). */
const PREDICTIONS: readonly ((left: number, up: number, upLeft: number) => number)[] = [
  () => 0,
  (left) => left,
  (_, up) => up,
  (left, up) => Math.floor((left + up) / 2),
  (left, up, upLeft) => {
    const distance = (value: number) => Math.abs(left + up - upLeft - value);
    return [left, up, upLeft].reduce((best, value) => (distance(value) < distance(best) ? value : best));
  },
];

function filtered(rows: readonly (readonly number[])[], filter: number): number[][] {
  const at = (y: number, x: number) => rows[y]?.[x] ?? 0;
  const rest = (y: number, x: number) =>
    at(y, x) - (PREDICTIONS[filter]?.(at(y, x - 3), at(y - 1, x), at(y - 1, x - 3)) ?? 0);
  return rows.map((row, y) => [filter, ...row.map((_, x) => rest(y, x) & 255)]);
}

async function pixelsOf(bytes: Buffer): Promise<number[][][]> {
  const verdict = await checkPicture(bytes);
  if (!verdict.ok) throw new Error(verdict.reason);
  return [1, 2].map(() => {
    const rows: number[][] = [];
    verdict.pixels.eachRow((row) => rows.push([...row]));
    return rows;
  });
}

describe('the pixels of a picture', () => {
  test.each([0, 1, 2, 3, 4])('are what they were before filter %i, each time that they are read', async (filter) => {
    const bytes = png({ width: 3, height: 3 }, filtered(PIXELS, filter));
    expect(await pixelsOf(bytes)).toEqual([PIXELS, PIXELS]);
  });

  test('come in colours, whatever the file keeps', async () => {
    const palette = pngChunk('PLTE', Buffer.of(1, 2, 3, 0, 90, 0));
    const rows = [
      [0, 0x40],
      [0, 0x40],
      [0, 0x80],
    ];
    const bytes = png({ height: 3, colourType: PNG_COLOUR.palette, bitDepth: 1 }, rows, palette);
    const [first] = await pixelsOf(bytes);
    expect(first).toEqual([
      [1, 2, 3, 0, 90, 0],
      [1, 2, 3, 0, 90, 0],
      [0, 90, 0, 1, 2, 3],
    ]);
  });
});

describe('a picture with something on it', () => {
  test('passes with its size', async () => {
    expect(await checkPicture(GOOD)).toMatchObject({ ok: true, pixels: { width: 2, height: 2 } });
  });

  test.each([
    [
      '1-bit palette',
      { colourType: PNG_COLOUR.palette, bitDepth: 1 },
      [
        [0, 0x40],
        [0, 0],
      ],
    ],
    [
      '2-bit grey',
      { colourType: PNG_COLOUR.grey, bitDepth: 2 },
      [
        [0, 0x30],
        [0, 0],
      ],
    ],
    [
      '16-bit grey',
      { colourType: PNG_COLOUR.grey, bitDepth: 16 },
      [
        [0, 0, 0, 90, 0],
        [0, 0, 0, 0, 0],
      ],
    ],
    [
      'grey with alpha',
      { colourType: PNG_COLOUR.greyAlpha },
      [
        [0, 9, 255, 0, 255],
        [0, 0, 0, 0, 0],
      ],
    ],
    [
      'rgba',
      { colourType: PNG_COLOUR.rgba },
      [
        [1, 0, 0, 0, 255, 9, 9, 9, 0],
        [2, 0, 0, 0, 0, 0, 0, 0, 0],
      ],
    ],
  ])('passes as %s', async (_, header, rows) => {
    const palette = pngChunk('PLTE', Buffer.of(0, 0, 0, 0, 90, 0));
    expect(await checkPicture(png(header, rows, palette))).toMatchObject({ ok: true });
  });

  test('passes when only its last row is bright', async () => {
    const rows = [
      [0, 0, 0, 0, 0, 0, 0],
      [4, 0, 0, 0, 90, 0, 0],
    ];
    expect(await checkPicture(png({}, rows))).toMatchObject({ ok: true });
  });

  test('fails when it is not of the expected size', async () => {
    const verdict = await checkPicture(GOOD, { width: 2, height: 3 });
    expect(verdict).toEqual({ ok: false, fault: 'broken', reason: 'is 2x2, not 2x3' });
  });
});

describe('an empty picture', () => {
  test.each([0, 3, 8])('of value %i is black', async (value) => {
    expect(await checkPicture(filled(64, 64, value))).toMatchObject({ ok: false, fault: 'black' });
  });

  test('of another single colour is told from black', async () => {
    expect(await checkPicture(filled(64, 64, 128))).toMatchObject({ ok: false, fault: 'single-colour' });
  });

  test('is recognised through every row filter', async () => {
    const sub = [1, 90, 90, 90, 0, 0, 0];
    const rows = [sub, [2, 0, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0], [3, 45, 45, 45, 0, 0, 0]];
    expect(await checkPicture(png({ height: 4 }, rows))).toMatchObject({ ok: false, fault: 'single-colour' });
  });

  test('is black also with a bright alpha channel', async () => {
    const rows = [
      [0, 0, 0, 0, 255, 0, 0, 0, 0],
      [0, 0, 0, 0, 9, 0, 0, 0, 255],
    ];
    expect(await checkPicture(png({ colourType: PNG_COLOUR.rgba }, rows))).toMatchObject({ fault: 'black' });
  });
});

describe('a broken picture', () => {
  test('cut off anywhere is recognised', async () => {
    for (let length = 0; length < GOOD.length; length++) {
      expect(await checkPicture(GOOD.subarray(0, length))).toMatchObject({ ok: false, fault: 'broken' });
    }
  });

  test('with any byte changed is recognised', async () => {
    for (let at = 0; at < GOOD.length; at++) {
      const changed = Buffer.from(GOOD);
      changed[at] = (changed[at] ?? 0) ^ 0x55;
      expect(await checkPicture(changed)).toMatchObject({ ok: false, fault: 'broken' });
    }
  });

  test.each([
    ['too few rows', png({ height: 3 }, RED_AND_GREEN), 'bytes of pixels'],
    ['too many rows', png({ height: 1 }, RED_AND_GREEN), ''],
    [
      'a filter that does not exist',
      png({}, [
        [7, 1, 2, 3, 4, 5, 6],
        [0, 0, 0, 0, 0, 0, 0],
      ]),
      'filter 7',
    ],
    ['a bit depth that does not exist', png({ bitDepth: 3 }, RED_AND_GREEN), '3 bits'],
    ['no pixels at all', png({ width: 0 }, []), 'is 0x2'],
    ['a size that no memory holds', png({ width: 2 ** 31, height: 2 ** 31 }, []), 'is 2147483648x2147483648'],
    ['interlacing', png({ interlaced: true }, RED_AND_GREEN), 'interlaced'],
    ['another format', Buffer.from('<html>'), 'signature'],
  ])('with %s is recognised', async (_, bytes, reason) => {
    const verdict = await checkPicture(bytes);
    expect(verdict).toMatchObject({ ok: false, fault: 'broken' });
    expect(verdict.ok ? '' : verdict.reason).toContain(reason);
  });
});
