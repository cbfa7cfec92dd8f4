import { deflateSync } from 'node:zlib';
import type { PictureSize } from '../picture-check.js';
import { encodePngHeader, PNG_COLOUR, PNG_SIGNATURE, pngChunk } from '../png-chunks.js';
import { drawBareLabel } from './caption.js';
import { hashPair, hashText } from './seeded-random.js';
import { Coverage } from './text/coverage.js';
import type { Typefaces } from './text/typefaces.js';

/** Sizes whose pixel data is kept; a benchmark asks for one or two. */
const MOST_SIZES = 8;

const END = pngChunk('IEND', Buffer.alloc(0));

/**
 * Pictures for benchmarks of the platform: whole PNGs that say PREVIEW in two colours, one bit per pixel. The pixel data
 * is the same for all of one size and made once; prompt and seed choose the two colours of the palette chunk, so that a
 * picture costs microseconds and is still another file for another prompt or seed.
 */
export class BenchmarkPictures {
  private readonly bodies = new Map<string, { readonly head: Buffer; readonly pixels: Buffer }>();

  constructor(private readonly typefaces: Typefaces) {}

  picture({ prompt, seed, ...size }: PictureSize & { readonly prompt: string; readonly seed: number }): Buffer {
    const { head, pixels } = this.bodyOf(size);
    const ground = hashPair(hashText(prompt), seed);
    return Buffer.concat([head, paletteChunk(ground, hashPair(ground, 1)), pixels, END]);
  }

  private bodyOf(size: PictureSize): { readonly head: Buffer; readonly pixels: Buffer } {
    const key = `${size.width}x${size.height}`;
    const kept = this.bodies.get(key);
    if (kept) return kept;
    const [oldest] = this.bodies.keys();
    if (this.bodies.size >= MOST_SIZES && oldest) this.bodies.delete(oldest);
    const body = { head: headOf(size), pixels: this.pixelsOf(size) };
    this.bodies.set(key, body);
    return body;
  }

  private pixelsOf({ width, height }: PictureSize): Buffer {
    const label = new Coverage(width, height);
    drawBareLabel(label, Math.min(width / 7, height / 2), this.typefaces);
    const stride = Math.ceil(width / 8) + 1;
    const packed = Buffer.alloc(stride * height);
    for (const [at, alpha] of label.alpha.entries()) {
      const x = at % width;
      const byte = Math.floor(at / width) * stride + 1 + (x >> 3);
      if (alpha > 127) packed[byte] = (packed[byte] ?? 0) | (0x80 >> (x & 7));
    }
    return pngChunk('IDAT', deflateSync(packed));
  }
}

function headOf(size: PictureSize): Buffer {
  const header = encodePngHeader({ ...size, bitDepth: 1, colourType: PNG_COLOUR.palette, interlaced: false });
  return Buffer.concat([PNG_SIGNATURE, header]);
}

/** A dark ground and light letters, 44 bits of choice between them. */
function paletteChunk(dark: number, light: number): Buffer {
  const channels = [0, 8, 16].map((shift) => (dark >>> shift) & 0x7f);
  const lights = [0, 8, 16].map((shift) => 0xff - ((light >>> shift) & 0x3f));
  return pngChunk('PLTE', Buffer.from([...channels, ...lights]));
}
