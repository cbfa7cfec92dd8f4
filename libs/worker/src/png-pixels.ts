import type { PixelRows } from './pixels.js';
import { PNG_COLOUR, PngFormatError, type PngHeader } from './png-chunks.js';

/** What the pixels show at least: the brightest colour sample seen (0 to 255) and whether all pixels are equal. */
export interface PixelBounds {
  readonly brightest: number;
  readonly uniform: boolean;
}

const CHANNELS: ReadonlyMap<number, number> = new Map([
  [PNG_COLOUR.grey, 1],
  [PNG_COLOUR.rgb, 3],
  [PNG_COLOUR.palette, 1],
  [PNG_COLOUR.greyAlpha, 2],
  [PNG_COLOUR.rgba, 4],
]);

/** Bytes of one row without its filter byte. */
export function rowBytes(header: PngHeader): number {
  return Math.ceil((header.width * bitsPerPixel(header)) / 8);
}

function bitsPerPixel(header: PngHeader): number {
  return channelsOf(header) * header.bitDepth;
}

function channelsOf(header: PngHeader): number {
  return CHANNELS.get(header.colourType) ?? 1;
}

/** Rows of a picture as they were before they were filtered: undone in place, each when it is first asked for. */
export class PngRows {
  private readonly stride: number;
  private readonly step: number;
  private readonly noRow: Buffer;
  /** Rows from the top that are undone. */
  private undone = 0;

  /** @throws {PngFormatError} when a row names a filter that does not exist. */
  constructor(
    private readonly pixels: Buffer,
    readonly header: PngHeader,
    readonly palette: Uint8Array,
  ) {
    this.stride = rowBytes(header) + 1;
    this.step = Math.max(1, bitsPerPixel(header) >> 3);
    this.noRow = Buffer.alloc(this.stride - 1);
    for (let y = 0; y < header.height; y++) {
      const filter = pixels[y * this.stride] ?? 0;
      if (filter >= UNDO.length) throw new PngFormatError(`row ${y} has filter ${filter}`);
    }
  }

  row(y: number): Buffer {
    for (; this.undone <= y; this.undone++) this.undo(this.undone);
    return this.at(y);
  }

  private undo(y: number): void {
    const undo = UNDO[this.pixels[y * this.stride] ?? 0];
    undo?.(this.at(y), y === 0 ? this.noRow : this.at(y - 1), this.step);
  }

  private at(y: number): Buffer {
    return this.pixels.subarray(y * this.stride + 1, (y + 1) * this.stride);
  }
}

/**
 * Looks at the picture from the top, and stops at the first row that settles both questions: something brighter than
 * `enough` and two different pixels. A real picture needs a row or two.
 */
export function visibleBounds(rows: PngRows, enough: number): PixelBounds {
  const bounds = new BoundsScan(rows);
  for (let y = 0; y < rows.header.height && !bounds.settled(enough); y++) {
    // A row like the one above shows nothing new; most rows of the empty pictures that are looked for are such rows.
    if (y === 0 || !rows.row(y).equals(rows.row(y - 1))) bounds.addRow(rows.row(y));
  }
  return bounds;
}

/** The picture as red, green and blue. */
export function rgbRows(rows: PngRows): PixelRows {
  const { width, height, bitDepth, colourType } = rows.header;
  if (bitDepth === 8 && colourType === PNG_COLOUR.rgb)
    return { width, height, eachRow: (visit) => eachRow(rows, visit) };
  const colours = new RowColours(rows);
  const rgb = new Uint8Array(width * 3);
  const eachExpanded = (visit: (row: Uint8Array) => void) =>
    eachRow(rows, (row, above) => visit(above?.equals(row) ? rgb : colours.expand(row, rgb)));
  return { width, height, eachRow: eachExpanded };
}

function eachRow(rows: PngRows, visit: (row: Buffer, above: Buffer | undefined) => void): void {
  for (let y = 0; y < rows.header.height; y++) visit(rows.row(y), y === 0 ? undefined : rows.row(y - 1));
}

/** Undoes one filter in place; `step` is the distance in bytes to the corresponding byte of the pixel to the left. */
type Undo = (row: Buffer, above: Buffer, step: number) => void;

/** By their numbers (PNG specification 9.2). Left of a row's first pixel, and above the first row, everything is 0. */
const UNDO: readonly Undo[] = [
  () => {},
  function sub(row, _, step) {
    for (let at = step; at < row.length; at++) row[at] = (row[at] ?? 0) + (row[at - step] ?? 0);
  },
  function up(row, above) {
    for (let at = 0; at < row.length; at++) row[at] = (row[at] ?? 0) + (above[at] ?? 0);
  },
  function average(row, above, step) {
    for (let at = 0; at < step; at++) row[at] = (row[at] ?? 0) + ((above[at] ?? 0) >> 1);
    for (let at = step; at < row.length; at++)
      row[at] = (row[at] ?? 0) + (((row[at - step] ?? 0) + (above[at] ?? 0)) >> 1);
  },
  function paeth(row, above, step) {
    for (let at = 0; at < step; at++) row[at] = (row[at] ?? 0) + (above[at] ?? 0);
    for (let at = step; at < row.length; at++)
      row[at] = (row[at] ?? 0) + nearest(row[at - step] ?? 0, above[at] ?? 0, above[at - step] ?? 0);
  },
];

/** The neighbour that is nearest to `left + up - upLeft`. */
function nearest(left: number, up: number, upLeft: number): number {
  const toLeft = Math.abs(up - upLeft);
  const toUp = Math.abs(left - upLeft);
  const toUpLeft = Math.abs(left + up - 2 * upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

/** Collects the bounds row by row. Alpha is left out: a picture that shows only through its alpha shows nothing. */
class BoundsScan implements PixelBounds {
  brightest = 0;
  uniform = true;
  private first: number | undefined;
  private readonly colours: RowColours;

  constructor(private readonly rows: Pick<PngRows, 'header' | 'palette'>) {
    this.colours = new RowColours(rows);
  }

  settled(enough: number): boolean {
    return !this.uniform && this.brightest > enough;
  }

  addRow(row: Buffer): void {
    for (let x = 0; x < this.rows.header.width; x++) {
      const colour = this.colours.at(row, x);
      this.first ??= colour;
      if (colour !== this.first) this.uniform = false;
      const brightest = Math.max(colour >> 16, (colour >> 8) & 255, colour & 255);
      if (brightest > this.brightest) this.brightest = brightest;
    }
  }
}

/** Reads the colours of a row, whatever the file keeps. */
class RowColours {
  private readonly header: PngHeader;
  private readonly palette: Uint8Array;
  private readonly channels: number;

  constructor({ header, palette }: Pick<PngRows, 'header' | 'palette'>) {
    this.header = header;
    this.palette = palette;
    this.channels = channelsOf(header);
  }

  /** Writes red, green, blue per pixel. */
  expand(row: Buffer, rgb: Uint8Array): Uint8Array {
    for (let x = 0; x < this.header.width; x++) {
      const colour = this.at(row, x);
      rgb[x * 3] = colour >> 16;
      rgb[x * 3 + 1] = (colour >> 8) & 255;
      rgb[x * 3 + 2] = colour & 255;
    }
    return rgb;
  }

  /** The pixel as 0xRRGGBB. */
  at(row: Buffer, x: number): number {
    const first = x * this.channels;
    const { colourType } = this.header;
    if (colourType === PNG_COLOUR.palette) return this.paletteColour(this.sampleAt(row, first));
    const red = this.byteAt(row, first);
    const grey = colourType === PNG_COLOUR.grey || colourType === PNG_COLOUR.greyAlpha;
    if (grey) return (red << 16) | (red << 8) | red;
    return (red << 16) | (this.byteAt(row, first + 1) << 8) | this.byteAt(row, first + 2);
  }

  private paletteColour(index: number): number {
    const { palette } = this;
    return ((palette[index * 3] ?? 0) << 16) | ((palette[index * 3 + 1] ?? 0) << 8) | (palette[index * 3 + 2] ?? 0);
  }

  /** A sample scaled to 0 to 255. */
  private byteAt(row: Buffer, index: number): number {
    const { bitDepth } = this.header;
    if (bitDepth === 16) return row[index * 2] ?? 0;
    return Math.round((this.sampleAt(row, index) * 255) / (2 ** bitDepth - 1));
  }

  /** A sample of at most 8 bits as it is kept; samples below 8 bits are packed from the high bit down. */
  private sampleAt(row: Buffer, index: number): number {
    const { bitDepth } = this.header;
    if (bitDepth === 8) return row[index] ?? 0;
    const bit = index * bitDepth;
    return ((row[bit >> 3] ?? 0) >> (8 - bitDepth - (bit & 7))) & (2 ** bitDepth - 1);
  }
}
