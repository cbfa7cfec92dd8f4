import type { PixelRows } from './pixels.js';
import { PngFormatError } from './png-chunks.js';
import { inflatedRows, type PngParts, readPng } from './png-file.js';
import { type PngRows, rgbRows, visibleBounds } from './png-pixels.js';

/** Sizes in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** `broken`: not a whole, valid PNG of the right size; `black`, `single-colour`: valid, but nothing is on it. */
export type PictureVerdict =
  | { readonly ok: true; readonly pixels: PixelRows }
  | { readonly ok: false; readonly fault: 'broken' | 'black' | 'single-colour'; readonly reason: string };

/** Samples up to this (of 255) count as black: what a model's NaNs and a safety filter leave, give or take rounding. */
export const BLACK_LIMIT = 8;

/**
 * Says whether the bytes are a whole PNG with something on it: signature, every checksum, the inflated pixel data, the
 * size (when one is expected), and that the picture is neither black nor of a single colour.
 */
export async function checkPicture(bytes: Uint8Array, expected?: PictureSize): Promise<PictureVerdict> {
  try {
    return await judge(readPng(bytes), expected);
  } catch (error) {
    if (isFormatFault(error)) return { ok: false, fault: 'broken', reason: error.message };
    throw error;
  }
}

/** Ours, or one of zlib's about the data it was given (`Z_DATA_ERROR`, `Z_BUF_ERROR`, more output than allowed). */
function isFormatFault(error: unknown): error is Error {
  if (error instanceof PngFormatError) return true;
  if (!(error instanceof Error) || !('code' in error)) return false;
  return /^Z_(DATA|BUF)_ERROR$|^Z_NEED_DICT$|^ERR_BUFFER_TOO_LARGE$/.test(String(error.code));
}

async function judge(png: PngParts, expected?: PictureSize): Promise<PictureVerdict> {
  const { width, height } = png.header;
  if (expected && (width !== expected.width || height !== expected.height)) {
    throw new PngFormatError(`is ${width}x${height}, not ${expected.width}x${expected.height}`);
  }
  return verdictOn(await inflatedRows(png));
}

function verdictOn(rows: PngRows): PictureVerdict {
  const bounds = visibleBounds(rows, BLACK_LIMIT);
  if (bounds.brightest <= BLACK_LIMIT) return { ok: false, fault: 'black', reason: 'every pixel is black' };
  if (bounds.uniform) return { ok: false, fault: 'single-colour', reason: 'every pixel has the same colour' };
  return { ok: true, pixels: rgbRows(rows) };
}
