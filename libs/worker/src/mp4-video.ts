/** What an MP4 file says about the video in it. */
import { type Mp4Box, Mp4FormatError, mp4BoxAt, readMp4Boxes } from './mp4-boxes.js';

/** Sizes in pixels, times in seconds. */
export interface Mp4Video {
  readonly width: number;
  readonly height: number;
  readonly durationSeconds: number;
  /** `avcC` (ISO/IEC 14496-15): profile, level and parameter sets of H.264. */
  readonly decoderConfiguration: Buffer;
  /** Profile and level as H.264 counts them: 100 is High, 31 is 3.1. */
  readonly profile: number;
  readonly level: number;
  /** The encoded frames, in the order in which they are decoded. */
  readonly frames: readonly Buffer[];
  /** Whether the index stands before the frames, so that a player can start before it has the whole file. */
  readonly indexFirst: boolean;
}

/** @throws {Mp4FormatError} when it is no whole MP4 with one H.264 track. */
export function readMp4Video(file: Buffer): Mp4Video {
  if (file.toString('latin1', 4, 8) !== 'ftyp') throw new Mp4FormatError('does not start with ftyp');
  const boxes = [...readMp4Boxes(file)];
  const moov = onlyBox(boxes, 'moov');
  const mdat = onlyBox(boxes, 'mdat');
  const media = mp4BoxAt(videoTrack(moov), 'mdia');
  const table = mp4BoxAt(media, 'minf', 'stbl');
  const { width, height, decoderConfiguration } = sampleEntry(table);
  const frames = framesOf(file, table, mdat);
  return {
    width,
    height,
    decoderConfiguration,
    profile: decoderConfiguration.readUInt8(1),
    level: decoderConfiguration.readUInt8(3),
    frames,
    durationSeconds: durationOf(table, frames.length) / timescaleOf(media),
    indexFirst: moov.start < mdat.start,
  };
}

function onlyBox(boxes: readonly Mp4Box[], type: string): Mp4Box {
  const [found, another] = boxes.filter((box) => box.type === type);
  if (!found || another) throw new Mp4FormatError(`has ${found ? 'more than one' : 'no'} ${type}`);
  return found;
}

function videoTrack(moov: Mp4Box): Mp4Box {
  const tracks = [...readMp4Boxes(moov.content)].filter(({ type }) => type === 'trak');
  const video = tracks.filter((track) => mp4BoxAt(track, 'mdia', 'hdlr').content.toString('latin1', 8, 12) === 'vide');
  const [track] = video;
  if (!track || video.length > 1) throw new Mp4FormatError(`has ${video.length} video tracks`);
  return track;
}

/** Bytes of a visual sample entry before its own boxes (ISO/IEC 14496-12, 12.1.3). */
const VISUAL_ENTRY_BYTES = 78;

function sampleEntry(table: Mp4Box) {
  const [entry] = readMp4Boxes(mp4BoxAt(table, 'stsd').content, 8);
  if (entry?.type !== 'avc1') throw new Mp4FormatError(`holds ${JSON.stringify(entry?.type)}, not H.264`);
  const { content } = entry;
  if (content.length < VISUAL_ENTRY_BYTES) throw new Mp4FormatError('has a truncated sample entry');
  const avcC = [...readMp4Boxes(content, VISUAL_ENTRY_BYTES)].find(({ type }) => type === 'avcC');
  if (!avcC || avcC.content.length < 7) throw new Mp4FormatError('has no avcC');
  return {
    width: content.readUInt16BE(24),
    height: content.readUInt16BE(26),
    decoderConfiguration: avcC.content,
  };
}

/** Units a second; the place of the number depends on the version of the box. */
function timescaleOf(media: Mp4Box): number {
  const { content } = mp4BoxAt(media, 'mdhd');
  const timescale = numbers(content, content[0] === 1 ? 20 : 12, 1)[0] ?? 0;
  if (timescale === 0) throw new Mp4FormatError('has no time scale');
  return timescale;
}

/** Sum of all frames' durations; there must be one for each frame. */
function durationOf(table: Mp4Box, frames: number): number {
  const runs = tableOf(table, 'stts', 2);
  if (sum(runs.map(([count = 0]) => count)) !== frames) throw new Mp4FormatError('has frames without a time');
  return sum(runs.map(([count = 0, delta = 0]) => count * delta));
}

function framesOf(file: Buffer, table: Mp4Box, mdat: Mp4Box): Buffer[] {
  const sizes = frameSizes(table);
  const offsets = chunkOffsets(table);
  const runs = tableOf(table, 'stsc', 3);
  const frames: Buffer[] = [];
  for (const [index, offset] of offsets.entries()) {
    const run = runs.findLast(([firstChunk = 0]) => firstChunk <= index + 1);
    let at = offset;
    for (const size of sizes.slice(frames.length, frames.length + (run?.[1] ?? 0))) {
      if (at < mdat.start || at + size > mdat.end) throw new Mp4FormatError(`frame ${frames.length} lies outside mdat`);
      frames.push(file.subarray(at, at + size));
      at += size;
    }
  }
  if (frames.length !== sizes.length) throw new Mp4FormatError('has frames without a place');
  return frames;
}

function frameSizes(table: Mp4Box): number[] {
  const { content } = mp4BoxAt(table, 'stsz');
  const [same = 0, count = 0] = numbers(content, 4, 2);
  if (count > MOST_FRAMES) throw new Mp4FormatError(`has ${count} frames`);
  return same > 0 ? Array<number>(count).fill(same) : numbers(content, 12, count);
}

/** Nothing that a job makes comes near it; a broken count must not fill the memory. */
const MOST_FRAMES = 100_000;

function chunkOffsets(table: Mp4Box): number[] {
  if ([...readMp4Boxes(table.content)].some(({ type }) => type === 'co64')) {
    return tableOf(table, 'co64', 2).map(([high = 0, low = 0]) => high * 2 ** 32 + low);
  }
  return tableOf(table, 'stco', 1).map(([offset = 0]) => offset);
}

/** The rows of a table of 32-bit numbers behind version, flags and count. */
function tableOf(parent: Mp4Box, type: string, columns: number): number[][] {
  const { content } = mp4BoxAt(parent, type);
  const [rows = 0] = numbers(content, 4, 1);
  if (rows > MOST_FRAMES) throw new Mp4FormatError(`has ${rows} rows in ${type}`);
  const flat = numbers(content, 8, rows * columns);
  return Array.from({ length: rows }, (_, row) => flat.slice(row * columns, (row + 1) * columns));
}

function numbers(content: Buffer, from: number, count: number): number[] {
  if (from + count * 4 > content.length) throw new Mp4FormatError('has a truncated table');
  return Array.from({ length: count }, (_, index) => content.readUInt32BE(from + index * 4));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
