import { type GenerationData, parametersText, withoutControls, xmpPacket } from './media-mark.js';
import { Mp4FormatError, mp4Box, mp4BoxAt, mp4FullBox, readMp4Boxes } from './mp4-boxes.js';

/** The `uuid` box that holds XMP (XMP specification part 3, 1.2.7.1). */
const XMP_UUID = Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex');

/**
 * Returns the MP4 with its generation data inside: an XMP packet with the IPTC digital source type, and what players show
 * as encoder and comment. The index (`moov`) comes to stand before the frames, so that a browser plays the first of them
 * before it has the last, wherever the engine has put it. The frames stay as they are.
 * @throws {Mp4FormatError} when it is no MP4 with one `mdat`.
 */
export function markVideo(mp4: Uint8Array, data: GenerationData): Buffer {
  const file = Buffer.from(mp4.buffer, mp4.byteOffset, mp4.byteLength);
  const boxes = new Map([...readMp4Boxes(file)].map((box) => [box.type, box]));
  const [ftyp, moov, mdat] = ['ftyp', 'moov', 'mdat'].map((type) => boxes.get(type));
  if (!ftyp || !moov || !mdat) throw new Mp4FormatError('lacks ftyp, moov or mdat');
  const head = file.subarray(ftyp.start, ftyp.end);
  const index = mp4Box('moov', ...childrenBut('udta', moov.content), userData(data));
  const xmp = mp4Box('uuid', XMP_UUID, Buffer.from(xmpPacket(data)));
  moveChunks(index, head.length + index.length + xmp.length - mdat.start);
  return Buffer.concat([head, index, xmp, file.subarray(mdat.start, mdat.end)]);
}

function childrenBut(type: string, parent: Buffer): Buffer[] {
  const others = [...readMp4Boxes(parent)].filter((box) => box.type !== type);
  return others.map(({ start, end }) => parent.subarray(start, end));
}

/** Adds to every offset in the file that the index names, in place. */
function moveChunks(index: Buffer, by: number): void {
  for (const track of readMp4Boxes(index, 8)) {
    if (track.type !== 'trak') continue;
    for (const { type, content } of readMp4Boxes(mp4BoxAt(track, 'mdia', 'minf', 'stbl').content)) {
      if (type === 'stco') moveOffsets(content, 4, (at) => content.writeUInt32BE(content.readUInt32BE(at) + by, at));
      if (type === 'co64')
        moveOffsets(content, 8, (at) => content.writeBigUInt64BE(content.readBigUInt64BE(at) + BigInt(by), at));
    }
  }
}

/** Calls back with the place of each offset behind version, flags and count. */
function moveOffsets(content: Buffer, bytes: number, move: (at: number) => void): void {
  const count = content.readUInt32BE(4);
  if (8 + count * bytes > content.length) throw new Mp4FormatError('has a truncated table of offsets');
  for (let chunk = 0; chunk < count; chunk++) move(8 + chunk * bytes);
}

/** iTunes' form of metadata, which players and galleries read. */
function userData(data: GenerationData): Buffer {
  const handler = Buffer.concat([Buffer.alloc(4), Buffer.from('mdirappl'), Buffer.alloc(9)]);
  const items = mp4Box('ilst', textItem('\u00a9too', data.software), textItem('\u00a9cmt', parametersText(data)));
  return mp4Box('udta', mp4FullBox('meta', mp4FullBox('hdlr', handler), items));
}

function textItem(type: string, text: string): Buffer {
  const kind = Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]); // UTF-8, no language
  return mp4Box(type, mp4Box('data', kind, Buffer.from(withoutControls(text))));
}
