/** The boxes of an MP4 file (ISO/IEC 14496-12, 4.2): a length, a type of four letters, content. */

/** One box. `content` is a view, not a copy; `start` and `end` are offsets in the file. */
export interface Mp4Box {
  readonly type: string;
  readonly content: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The file is no MP4 that can be read; the message says where. */
export class Mp4FormatError extends Error {
  override readonly name = 'Mp4FormatError';
}

export function mp4Box(type: string, ...content: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.reduce((length, part) => length + part.length, 8));
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, ...content]);
}

/** A box whose content begins with a version, here 0, and flags, here none. */
export function mp4FullBox(type: string, ...content: readonly Uint8Array[]): Buffer {
  return mp4Box(type, Buffer.alloc(4), ...content);
}

/**
 * Reads the boxes that fill the bytes from `from` to `end`.
 * @throws {Mp4FormatError} when a box does not end where its parent does.
 */
export function* readMp4Boxes(bytes: Buffer, from = 0, end = bytes.length): Generator<Mp4Box> {
  for (let start = from; start < end; ) {
    const box = boxAt(bytes, start, end);
    yield box;
    start = box.end;
  }
}

function boxAt(bytes: Buffer, start: number, limit: number): Mp4Box {
  if (start + 8 > limit) throw new Mp4FormatError(`truncated at byte ${start}`);
  const type = bytes.toString('latin1', start + 4, start + 8);
  const { head, size } = sizeAt(bytes, start, limit);
  const end = start + size;
  if (size < head || end > limit) throw new Mp4FormatError(`box ${JSON.stringify(type)} at byte ${start} does not fit`);
  return { type, content: bytes.subarray(start + head, end), start, end };
}

/** 1 stands for a length of 64 bits behind the type, 0 for "up to the end". */
function sizeAt(bytes: Buffer, start: number, limit: number): { head: number; size: number } {
  const size = bytes.readUInt32BE(start);
  if (size === 0) return { head: 8, size: limit - start };
  if (size !== 1) return { head: 8, size };
  if (start + 16 > limit) throw new Mp4FormatError(`truncated at byte ${start}`);
  return { head: 16, size: Number(bytes.readBigUInt64BE(start + 8)) };
}

/**
 * The box at the end of a path of types, each the first of its type in its parent.
 * @throws {Mp4FormatError} when there is none.
 */
export function mp4BoxAt(parent: Mp4Box, ...path: readonly string[]): Mp4Box {
  return path.reduce((box, type) => {
    const found = [...readMp4Boxes(box.content)].find((child) => child.type === type);
    if (!found) throw new Mp4FormatError(`no ${path.join('/')} in ${parent.type}`);
    return found;
  }, parent);
}
