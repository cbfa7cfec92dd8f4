import { beforeAll, describe, expect, test } from 'vitest';
import type { GenerationData } from './media-mark.js';
import { mp4BoxAt, readMp4Boxes } from './mp4-boxes.js';
import { readMp4Video } from './mp4-video.js';
import { renderVideo } from './preview/video.js';
import { checkVideo } from './video-check.js';
import { firstVisibleFrame } from './video-frames.js';
import { markVideo } from './video-mark.js';

const SHAPE = { width: 64, height: 48, frames: 20, fps: 10 };
const RED = [200, 30, 40] as const;

const DATA: GenerationData = {
  prompt: 'Zwei Möwen <über> 夕焼け & "Meer"',
  steps: 25,
  sampler: 'unipc',
  guidanceScale: 6.5,
  seed: 7,
  width: 64,
  height: 48,
  identity: { engine: 'preview', model: 'preview', version: '1', device: 'cpu' },
  software: 'OurVidz',
};

let plain: Buffer;
let marked: Buffer;

beforeAll(async () => {
  plain = await aVideo(0);
  marked = markVideo(plain, DATA);
});

/** Some black frames, then red ones. */
function aVideo(blackFrames: number, shape = SHAPE): Promise<Buffer> {
  const source = function* (frame: number) {
    yield;
    return (_: number, out: Uint8Array) => {
      for (let at = 0; at < out.length; at++) out[at] = frame < blackFrames ? 0 : (RED[at % 3] ?? 0);
    };
  };
  return renderVideo(shape, source, { signal: new AbortController().signal, onFrame: async () => {} });
}

describe('a video as the preview engine encodes it', () => {
  test('plays on every browser and phone: H.264 High at level 3.1, 4:2:0, colours of BT.709', () => {
    const video = readMp4Video(plain);
    expect(video).toMatchObject({ width: 64, height: 48, profile: 100, level: 31, durationSeconds: 2 });
    const moov = [...readMp4Boxes(plain)].find(({ type }) => type === 'moov');
    if (!moov) throw new Error('no moov');
    const [track] = [...readMp4Boxes(moov.content)].filter(({ type }) => type === 'trak');
    if (!track) throw new Error('no track');
    const [entry] = readMp4Boxes(mp4BoxAt(track, 'mdia', 'minf', 'stbl', 'stsd').content, 8);
    const colour = [...readMp4Boxes(entry?.content ?? Buffer.alloc(0), 78)].find(({ type }) => type === 'colr');
    // Primaries, transfer, matrix: 1 is BT.709. The last byte says that it is not the full range.
    expect(colour?.content.toString('latin1', 0, 4)).toBe('nclx');
    expect([...(colour?.content.subarray(4) ?? [])]).toEqual([0, 1, 0, 1, 0, 1, 0]);
    // chroma_format_idc of a High profile stands in avcC behind the parameter sets: 1 is 4:2:0.
    expect(chromaFormatOf(video.decoderConfiguration)).toBe(1);
  });

  test('shows the colours that were painted', async () => {
    const frame = await firstVisibleFrame(readMp4Video(plain));
    frame?.eachRow((row) => {
      for (const [channel, value] of RED.entries()) expect(Math.abs((row[channel] ?? 0) - value)).toBeLessThan(6);
    });
    expect(frame).toMatchObject({ width: 64, height: 48 });
  });

  test('is the same again for the same frames', async () => {
    expect((await aVideo(0)).equals(plain)).toBe(true);
  });
});

describe('the check of a video', () => {
  test('passes what was asked for', () => {
    expect(checkVideo(plain, SHAPE)).toMatchObject({ ok: true, video: { durationSeconds: 2 } });
    expect(checkVideo(marked, SHAPE)).toMatchObject({ ok: true, video: { durationSeconds: 2 } });
  });

  test.each([
    ['another width', { width: 66 }, 'is 64x48, not 66x48'],
    ['another number of frames', { frames: 21 }, 'has 20 frames, not 21'],
    ['another speed', { fps: 12 }, 'lasts 2 s'],
  ])('refuses %s', (_, over, reason) => {
    expect(checkVideo(plain, { ...SHAPE, ...over })).toMatchObject({
      ok: false,
      reason: expect.stringContaining(reason),
    });
  });

  test('refuses every video that ends early, wherever that is', () => {
    for (const file of [plain, marked]) {
      for (let length = 0; length < file.length; length += 7) {
        expect(checkVideo(file.subarray(0, length), SHAPE).ok, `${length} bytes`).toBe(false);
      }
    }
  });

  test('never throws, whatever byte is broken', () => {
    for (let at = 0; at < marked.length; at += 3) {
      const broken = Buffer.from(marked);
      broken[at] = (broken[at] ?? 0) ^ 0xff;
      expect(typeof checkVideo(broken, SHAPE).ok).toBe('boolean');
    }
  });

  test('knows where the frames are that show something', async () => {
    expect(await firstVisibleFrame(readMp4Video(await aVideo(SHAPE.frames)))).toBeUndefined();
    expect(await firstVisibleFrame(readMp4Video(await aVideo(5)))).toBeDefined();
  });

  test('finds frames that cannot be decoded', async () => {
    const video = readMp4Video(plain);
    const frames = video.frames.map((frame) => Buffer.alloc(frame.length, 0x5a));
    await expect(firstVisibleFrame({ ...video, frames })).rejects.toMatchObject({ name: 'FFmpegError' });
  });
});

describe('the mark of a video', () => {
  test('puts index and mark before the frames, which stay as they are', () => {
    expect([...readMp4Boxes(marked)].map(({ type }) => type)).toEqual(['ftyp', 'moov', 'uuid', 'mdat']);
    const [before, after] = [readMp4Video(plain), readMp4Video(marked)];
    expect(before.indexFirst).toBe(false);
    expect(after.indexFirst).toBe(true);
    expect(Buffer.concat(after.frames).equals(Buffer.concat(before.frames))).toBe(true);
  });

  test('is the same when it is put in again', () => {
    expect(markVideo(marked, DATA).equals(marked)).toBe(true);
  });

  test('says in XMP that an algorithm made it, and from what', () => {
    const xmp = [...readMp4Boxes(marked)].find(({ type }) => type === 'uuid')?.content;
    expect(xmp?.toString('hex', 0, 16)).toBe('be7acfcb97a942e89c71999491e3afac');
    const packet = xmp?.toString('utf8', 16);
    expect(packet).toContain('http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia');
    expect(packet).toContain('Zwei Möwen &lt;über&gt; 夕焼け &amp; &quot;Meer&quot;');
  });

  test('tells players the encoder and the settings', () => {
    const moov = [...readMp4Boxes(marked)].find(({ type }) => type === 'moov');
    if (!moov) throw new Error('no moov');
    const meta = mp4BoxAt(moov, 'udta', 'meta').content.subarray(4);
    const items = [...readMp4Boxes(meta)].find(({ type }) => type === 'ilst');
    const texts = [...readMp4Boxes(items?.content ?? Buffer.alloc(0))].map((item) => {
      return [item.type, mp4BoxAt(item, 'data').content.toString('utf8', 8)];
    });
    expect(texts).toEqual([
      ['\u00a9too', 'OurVidz'],
      ['\u00a9cmt', expect.stringContaining('Steps: 25, Sampler: unipc, CFG scale: 6.5, Seed: 7, Size: 64x48')],
    ]);
  });
});

/** avcC of a High profile (ISO/IEC 14496-15, 5.3.3.1.2): after the parameter sets, 2 bits of chroma format. */
function chromaFormatOf(avcC: Buffer): number {
  let at = 6;
  for (const sets of [avcC.readUInt8(5) & 31, undefined]) {
    const count = sets ?? avcC.readUInt8(at++);
    for (let set = 0; set < count; set++) at += 2 + avcC.readUInt16BE(at);
  }
  return avcC.readUInt8(at) & 3;
}
