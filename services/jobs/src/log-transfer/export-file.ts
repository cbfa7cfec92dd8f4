/**
 * The file of an export: blocks of events, each compressed and checksummed on its own.
 *
 * A block is a skippable Zstandard frame with a small JSON object, its label, and a Zstandard frame with the events, one
 * a line. Programs such as `zstd -dc` pass over labels and give the plain lines of the whole file. A checksum covers the
 * lines of its block and the checksum before it, so that no block can be left out or moved. The last label has no events
 * after it: without it the file is not whole.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';

/** Raised when an older program could not read what a newer one writes. */
const FORMAT = 1;

/** What stands before a block. */
export interface BlockLabel {
  readonly ourvidz: 'event-log';
  readonly format: number;
  /** Positions of its first and last event; of the end label, of the whole file. */
  readonly from: number;
  readonly to: number;
  /** Of the compressed events; 0 in the end label. */
  readonly bytes: number;
  /** SHA-256, lower-case hex. */
  readonly sha256: string;
}

/** Events as lines, with the place in the file at which the next block begins. */
export interface Block {
  readonly label: BlockLabel;
  readonly lines: string;
  /** Byte at which the block begins, and at which the next one does. */
  readonly offset: number;
  readonly end: number;
}

/** The file is not what an export wrote; what is before `offset` is whole. */
export class BrokenFileError extends Error {
  override readonly name = 'BrokenFileError';

  constructor(
    readonly offset: number,
    why: string,
  ) {
    super(`from byte ${offset} on the file is broken: ${why}`);
  }
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** The first of the sixteen marks of a skippable frame (RFC 8878). */
const SKIPPABLE = 0x184d2a50;
const HEADER_BYTES = 8;
/** A label is some 200 bytes. */
const MOST_LABEL_BYTES = 4_096;
/** A thousand events of the largest kind that a stream takes. */
const MOST_BLOCK_BYTES = 1024 * 1024 * 1024;

export function checksum(previous: string, lines: string): string {
  return createHash('sha256').update(previous).update(lines).digest('hex');
}

/** A block as it stands in the file. */
export async function encodeBlock(range: { from: number; to: number }, lines: string, sha256: string): Promise<Buffer> {
  const body = await compress(Buffer.from(lines));
  return Buffer.concat([labelFrame({ ...labelOf(range, sha256), bytes: body.length }), body]);
}

/** What makes a file whole. */
export function encodeEnd(range: { from: number; to: number }, sha256: string): Buffer {
  return labelFrame(labelOf(range, sha256));
}

function labelOf({ from, to }: { from: number; to: number }, sha256: string): BlockLabel {
  return { ourvidz: 'event-log', format: FORMAT, from, to, bytes: 0, sha256 };
}

function labelFrame(label: BlockLabel): Buffer {
  const text = Buffer.from(JSON.stringify(label));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(SKIPPABLE, 0);
  header.writeUInt32LE(text.length, 4);
  return Buffer.concat([header, text]);
}

/**
 * The blocks of a file, each proven before it is given out; the last one is the end label, with no lines.
 *
 * @throws BrokenFileError that says from where on the file cannot be used
 */
export async function* readBlocks(file: FileHandle): AsyncGenerator<Block> {
  let sha256 = '';
  let to: number | undefined;
  for (let offset = 0; ; ) {
    const { label, end } = await readLabel(file, offset);
    if (to !== undefined && label.bytes > 0 && label.from !== to + 1)
      throw new BrokenFileError(offset, `position ${to + 1} is missing`);
    const lines = label.bytes === 0 ? '' : await readLines(file, label, { offset, end });
    const expected = label.bytes === 0 ? sha256 : checksum(sha256, lines);
    if (expected !== label.sha256)
      throw new BrokenFileError(offset, `positions ${label.from} to ${label.to} were altered`);
    yield { label, lines, offset, end: end + label.bytes };
    if (label.bytes === 0) return;
    ({ sha256, to } = label);
    offset = end + label.bytes;
  }
}

async function readLabel(file: FileHandle, offset: number): Promise<{ label: BlockLabel; end: number }> {
  const header = await readExactly(file, offset, HEADER_BYTES, offset);
  const length = header.readUInt32LE(4);
  if (header.readUInt32LE(0) !== SKIPPABLE || length > MOST_LABEL_BYTES) {
    const why = offset === 0 ? 'it is no export of an event log' : 'no block begins here';
    throw new BrokenFileError(offset, why);
  }
  const text = (await readExactly(file, offset + HEADER_BYTES, length, offset)).toString();
  return { label: parseLabel(text, offset), end: offset + HEADER_BYTES + length };
}

function parseLabel(text: string, offset: number): BlockLabel {
  const label = jsonOf(text) as Partial<BlockLabel> | undefined;
  if (label?.ourvidz !== 'event-log') throw new BrokenFileError(offset, 'no block begins here');
  if (label.format !== FORMAT)
    throw new BrokenFileError(offset, `its format is ${label.format}, and this program reads format ${FORMAT}`);
  const { from, to, bytes, sha256 } = label;
  const sound = [from, to, bytes].every(Number.isSafeInteger) && typeof sha256 === 'string';
  if (!sound || (bytes ?? 0) > MOST_BLOCK_BYTES) throw new BrokenFileError(offset, 'its label makes no sense');
  return label as BlockLabel;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function readLines(file: FileHandle, label: BlockLabel, at: { offset: number; end: number }): Promise<string> {
  const body = await readExactly(file, at.end, label.bytes, at.offset);
  try {
    return (await decompress(body)).toString();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BrokenFileError(at.offset, `positions ${label.from} to ${label.to} cannot be unpacked (${why})`);
  }
}

/** @param offset where the block began, for the message */
async function readExactly(file: FileHandle, from: number, length: number, offset: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let read = 0; read < length; ) {
    const { bytesRead } = await file.read(buffer, read, length - read, from + read);
    if (bytesRead === 0) throw new BrokenFileError(offset, 'it ends in the middle');
    read += bytesRead;
  }
  return buffer;
}
