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

/**
 * Undoes the row filters of inflated pixels, in place and from the top, and stops at the first row that settles both
 * questions: something brighter than `enough` and two different pixels. A real picture needs a row or two.
 * @throws {PngFormatError} when a row names a filter that does not exist.
 */
export function visibleBounds(pixels: Buffer, header: PngHeader, palette: Uint8Array, enough: number): PixelBounds {
  assertFilters(pixels, header);
  const stride = rowBytes(header) + 1;
  const bounds = new BoundsScan(header, palette);
  let above: Buffer = Buffer.alloc(stride - 1);
  for (let start = 0; start < pixels.length && !bounds.settled(enough); start += stride) {
    const row = pixels.subarray(start + 1, start + stride);
    unfilterRow(pixels[start] ?? 0, row, above, Math.max(1, bitsPerPixel(header) >> 3));
    // A row like the one above shows nothing new; most rows of the empty pictures that are looked for are such rows.
    if (start === 0 || !row.equals(above)) bounds.addRow(row);
    above = row;
  }
  return bounds;
}

/** The picture as red, green and blue. Undoes the row filters of inflated pixels in place, so it can be read once. */
export function rgbRows(pixels: Buffer, header: PngHeader, palette: Uint8Array): PixelRows {
  const { width, height, bitDepth, colourType } = header;
  const plain = bitDepth === 8 && colourType === PNG_COLOUR.rgb;
  const colours = new RowColours(header, palette);
  const rgb = new Uint8Array(width * 3);
  return {
    width,
    height,
    eachRow: (visit) => eachUnfilteredRow(pixels, header, (row) => visit(plain ? row : colours.expand(row, rgb))),
  };
}

function eachUnfilteredRow(pixels: Buffer, header: PngHeader, visit: (row: Buffer) => void): void {
  const stride = rowBytes(header) + 1;
  let above: Buffer = Buffer.alloc(stride - 1);
  for (let start = 0; start < pixels.length; start += stride) {
    const row = pixels.subarray(start + 1, start + stride);
    unfilterRow(pixels[start] ?? 0, row, above, Math.max(1, bitsPerPixel(header) >> 3));
    visit(row);
    above = row;
  }
}

function assertFilters(pixels: Buffer, header: PngHeader): void {
  const stride = rowBytes(header) + 1;
  for (let start = 0; start < pixels.length; start += stride) {
    const filter = pixels[start] ?? 0;
    if (filter > 4) throw new PngFormatError(`row ${start / stride} has filter ${filter}`);
  }
}

/** PNG specification 9.2; `step` is the distance in bytes to the corresponding byte of the pixel to the left. */
function unfilterRow(filter: number, row: Buffer, above: Buffer, step: number): void {
  if (filter === 0) return;
  if (filter === 2) {
    // What our own pictures have in every row: worth a loop of its own.
    for (let at = 0; at < row.length; at++) row[at] = (row[at] ?? 0) + (above[at] ?? 0);
    return;
  }
  for (let at = 0; at < row.length; at++) {
    const left = at < step ? 0 : (row[at - step] ?? 0);
    const up = above[at] ?? 0;
    const upLeft = at < step ? 0 : (above[at - step] ?? 0);
    row[at] = (row[at] ?? 0) + predicted(filter, left, up, upLeft);
  }
}

function predicted(filter: number, left: number, up: number, upLeft: number): number {
  if (filter === 1) return left;
  if (filter === 3) return (left + up) >> 1;
  return paeth(left, up, upLeft);
}

function paeth(left: number, up: number, upLeft: number): number {
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

  constructor(
    private readonly header: PngHeader,
    palette: Uint8Array,
  ) {
    this.colours = new RowColours(header, palette);
  }

  settled(enough: number): boolean {
    return !this.uniform && this.brightest > enough;
  }

  addRow(row: Buffer): void {
    for (let x = 0; x < this.header.width; x++) {
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
  constructor(
    private readonly header: PngHeader,
    private readonly palette: Uint8Array,
  ) {}

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
    const first = x * channelsOf(this.header);
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
