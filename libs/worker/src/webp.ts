/** Small WebP files, by libwebp as WebAssembly: the same on every platform, and light enough to be always there. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import createEncoder from '@jsquash/webp/codec/enc/webp_enc_simd.js';
import { defaultOptions } from '@jsquash/webp/meta.js';
import { type XmpData, xmpPacket } from './media-mark.js';
import type { SmallPicture } from './pixels.js';

/** `quality` 0 to 100: at 75 no block shows at the size of a list. `method`: libwebp's effort, 0 to 6. */
const OPTIONS = { ...defaultOptions, quality: 75, method: 2 };

let encoder: ReturnType<typeof loadEncoder> | undefined;

/** Encodes a picture, with the mark of generated media inside. Holds the event loop for about 5 ms. */
export async function encodeWebp(picture: SmallPicture, mark: XmpData): Promise<Buffer> {
  encoder ??= loadEncoder();
  const webp = (await encoder).encode(picture.rgba, picture.width, picture.height, OPTIONS);
  if (!webp) throw new Error('the picture could not be encoded as WebP');
  return withXmp(Buffer.from(webp), picture, xmpPacket(mark));
}

/** The package itself would fetch its module from an address; on a server it is a file. */
async function loadEncoder() {
  const path = fileURLToPath(import.meta.resolve('@jsquash/webp/codec/enc/webp_enc_simd.wasm'));
  return createEncoder({ wasmBinary: await readFile(path), noInitialRun: true });
}

/** "There is XMP" among the flags of an extended WebP file. */
const HAS_XMP = 0x04;

/** A simple WebP file as an extended one (WebP container specification): VP8X, the picture, XMP. */
function withXmp(webp: Buffer, { width, height }: SmallPicture, packet: string): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt8(HAS_XMP, 0);
  header.writeUIntLE(width - 1, 4, 3);
  header.writeUIntLE(height - 1, 7, 3);
  const chunks = [riffChunk('VP8X', header), webp.subarray(12), riffChunk('XMP ', Buffer.from(packet))];
  return riffChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), ...chunks]));
}

/** Chunks have even lengths; the padding does not count. */
function riffChunk(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 'latin1');
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}
