import { inflateSync } from 'node:zlib';

/** A closed contour's points in font units, y upwards; between two off-curve points lies an implied on-curve one. */
export type Contour = readonly { readonly x: number; readonly y: number; readonly onCurve: boolean }[];

/** One glyph in font units. */
export interface Outline {
  readonly advance: number;
  readonly contours: readonly Contour[];
}

/**
 * Reads glyph outlines out of a TrueType font in a WOFF 1 file (W3C recommendation 2012, OpenType specification 1.9):
 * tables head, hhea, hmtx, cmap (formats 4 and 12), loca, glyf. No hinting, kerning or shaping. Font libraries do all of
 * that, but for 25 MB of memory (opentype.js 2.0.0), a quarter of a whole worker.
 */
export class TrueTypeFont {
  readonly unitsPerEm: number;
  private readonly tables: ReadonlyMap<string, Buffer>;
  private readonly glyphIndexes: ReadonlyMap<number, number>;

  constructor(woff: Buffer) {
    this.tables = readWoffTables(woff);
    this.unitsPerEm = this.table('head').readUInt16BE(18);
    this.glyphIndexes = readCharacterMap(this.table('cmap'));
  }

  has(codePoint: number): boolean {
    return this.glyphIndexes.has(codePoint);
  }

  outline(codePoint: number): Outline | undefined {
    const glyph = this.glyphIndexes.get(codePoint);
    return glyph === undefined ? undefined : { advance: this.advance(glyph), contours: this.contours(glyph) };
  }

  private table(tag: string): Buffer {
    const table = this.tables.get(tag);
    if (!table) throw new Error(`the font has no table ${tag}`);
    return table;
  }

  private advance(glyph: number): number {
    const last = this.table('hhea').readUInt16BE(34) - 1;
    return this.table('hmtx').readUInt16BE(Math.min(glyph, last) * 4);
  }

  private contours(glyph: number): Contour[] {
    const [start, end] = this.location(glyph);
    if (start === end) return [];
    const data = this.table('glyf').subarray(start, end);
    const contourCount = data.readInt16BE(0);
    return contourCount >= 0 ? readSimpleGlyph(data, contourCount) : this.compound(data);
  }

  private location(glyph: number): [number, number] {
    const loca = this.table('loca');
    const long = this.table('head').readInt16BE(50) === 1;
    const at = (index: number) => (long ? loca.readUInt32BE(index * 4) : loca.readUInt16BE(index * 2) * 2);
    return [at(glyph), at(glyph + 1)];
  }

  /** Accented letters are made of others, each moved and sometimes scaled. */
  private compound(data: Buffer): Contour[] {
    return readParts(data).flatMap((part) =>
      this.contours(part.glyph).map((contour) =>
        contour.map(({ x, y, onCurve }) => ({
          x: x * part.xx + y * part.yx + part.dx,
          y: x * part.xy + y * part.yy + part.dy,
          onCurve,
        })),
      ),
    );
  }
}

function readWoffTables(woff: Buffer): Map<string, Buffer> {
  if (woff.toString('latin1', 0, 4) !== 'wOFF') throw new Error('the font is not a WOFF 1 file');
  const tables = new Map<string, Buffer>();
  for (let index = 0; index < woff.readUInt16BE(12); index++) {
    const entry = 44 + index * 20;
    const tag = woff.toString('latin1', entry, entry + 4);
    if (NEEDED_TABLES.has(tag)) tables.set(tag, readWoffTable(woff, entry));
  }
  return tables;
}

const NEEDED_TABLES: ReadonlySet<string> = new Set(['head', 'hhea', 'hmtx', 'cmap', 'loca', 'glyf']);

function readWoffTable(woff: Buffer, entry: number): Buffer {
  const offset = woff.readUInt32BE(entry + 4);
  const kept = woff.readUInt32BE(entry + 8);
  const full = woff.readUInt32BE(entry + 12);
  const data = woff.subarray(offset, offset + kept);
  return kept < full ? inflateSync(data) : data;
}

function readCharacterMap(cmap: Buffer): Map<number, number> {
  const glyphs = new Map<number, number>();
  for (let index = 0; index < cmap.readUInt16BE(2); index++) {
    const subtable = cmap.subarray(cmap.readUInt32BE(4 + index * 8 + 4));
    const format = subtable.readUInt16BE(0);
    if (format === 4) readSegments(subtable, glyphs);
    if (format === 12) readGroups(subtable, glyphs);
  }
  return glyphs;
}

/** Format 4: parallel arrays of segment ends, starts, deltas and offsets into a glyph array behind them. */
function readSegments(table: Buffer, glyphs: Map<number, number>): void {
  const length = table.readUInt16BE(6);
  for (let segment = 0; segment < length; segment += 2) {
    const end = table.readUInt16BE(14 + segment);
    const start = table.readUInt16BE(16 + length + segment);
    const delta = table.readUInt16BE(16 + 2 * length + segment);
    const offsetAt = 16 + 3 * length + segment;
    const offset = table.readUInt16BE(offsetAt);
    for (let code = start; code <= end && code < 0xffff; code++) {
      const base = offset === 0 ? code : table.readUInt16BE(offsetAt + offset + (code - start) * 2);
      const glyph = base === 0 ? 0 : (base + delta) & 0xffff;
      if (glyph !== 0) glyphs.set(code, glyph);
    }
  }
}

function readGroups(table: Buffer, glyphs: Map<number, number>): void {
  for (let group = 0; group < table.readUInt32BE(12); group++) {
    const at = 16 + group * 12;
    const [first, last] = [table.readUInt32BE(at), table.readUInt32BE(at + 4)];
    for (let code = first; code <= last; code++) glyphs.set(code, table.readUInt32BE(at + 8) + code - first);
  }
}

const ON_CURVE = 1;
const REPEATED = 8;

function readSimpleGlyph(data: Buffer, contourCount: number): Contour[] {
  const ends = Array.from({ length: contourCount }, (_, index) => data.readUInt16BE(10 + index * 2));
  const pointCount = (ends.at(-1) ?? -1) + 1;
  const instructions = 10 + contourCount * 2;
  const flags = readFlags(data, instructions + 2 + data.readUInt16BE(instructions), pointCount);
  const xs = readCoordinates(data, flags.end, flags.values, 2, 16);
  const ys = readCoordinates(data, xs.end, flags.values, 4, 32);
  const points = flags.values.map((flag, index) => ({
    x: xs.values[index] ?? 0,
    y: ys.values[index] ?? 0,
    onCurve: (flag & ON_CURVE) !== 0,
  }));
  return ends.map((end, index) => points.slice(index === 0 ? 0 : (ends[index - 1] ?? 0) + 1, end + 1));
}

interface Values {
  readonly values: number[];
  readonly end: number;
}

function readFlags(data: Buffer, start: number, count: number): Values {
  const values: number[] = [];
  let at = start;
  while (values.length < count) {
    const flag = data.readUInt8(at++);
    const repeats = flag & REPEATED ? data.readUInt8(at++) : 0;
    for (let copy = 0; copy <= repeats; copy++) values.push(flag);
  }
  return { values, end: at };
}

/** `short`: the flag of a one-byte difference; `same`: its sign, or for two bytes that there is no difference. */
function readCoordinates(data: Buffer, start: number, flags: readonly number[], short: number, same: number): Values {
  let at = start;
  let value = 0;
  const values = flags.map((flag) => {
    if (flag & short) {
      const difference = data.readUInt8(at++);
      value += flag & same ? difference : -difference;
    } else if (!(flag & same)) {
      value += data.readInt16BE(at);
      at += 2;
    }
    return value;
  });
  return { values, end: at };
}

/** A part of a compound glyph with its affine map. */
interface Part {
  readonly glyph: number;
  readonly dx: number;
  readonly dy: number;
  readonly xx: number;
  readonly xy: number;
  readonly yx: number;
  readonly yy: number;
}

const WORDS = 1;
const ONE_SCALE = 8;
const MORE_PARTS = 32;
const TWO_SCALES = 64;
const MATRIX = 128;

function readParts(data: Buffer): Part[] {
  const parts: Part[] = [];
  let at = 10;
  let flags = MORE_PARTS;
  while (flags & MORE_PARTS) {
    flags = data.readUInt16BE(at);
    const glyph = data.readUInt16BE(at + 2);
    const [dx, dy] =
      flags & WORDS
        ? [data.readInt16BE(at + 4), data.readInt16BE(at + 6)]
        : [data.readInt8(at + 4), data.readInt8(at + 5)];
    at += flags & WORDS ? 8 : 6;
    const count = flags & MATRIX ? 4 : flags & TWO_SCALES ? 2 : flags & ONE_SCALE ? 1 : 0;
    const scales = Array.from({ length: count }, (_, index) => data.readInt16BE(at + index * 2) / 0x4000);
    parts.push({ glyph, dx, dy, ...matrixOf(scales) });
    at += count * 2;
  }
  return parts;
}

function matrixOf(scales: readonly number[]): Pick<Part, 'xx' | 'xy' | 'yx' | 'yy'> {
  const [a = 1, b = a, c = 0, d = 1] = scales;
  return scales.length === 4 ? { xx: a, xy: b, yx: c, yy: d } : { xx: a, xy: 0, yx: 0, yy: b };
}
