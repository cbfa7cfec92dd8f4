/** What the frames of a video show. */
import type { CodecContext, Frame } from 'node-av/lib';
import { type FFmpeg, loadFFmpeg } from './ffmpeg.js';
import type { Mp4Video } from './mp4-video.js';
import { BLACK_LIMIT } from './picture-check.js';
import type { PixelRows } from './pixels.js';

/** One decoded frame; good until the next one is asked for. */
export interface ShownFrame {
  isBlack(): boolean;
  pixels(): Promise<PixelRows>;
}

/** Decodes one frame after the other. Rejects with an `FFmpegError` at one that cannot be decoded. */
export async function* shownFrames(video: Mp4Video): AsyncGenerator<ShownFrame> {
  const av = await loadFFmpeg();
  using decoder = await openDecoder(av, video);
  for (const data of [...video.frames, undefined]) {
    for await (const frame of decoded(av, decoder, data)) {
      yield { isBlack: () => isBlack(av, frame), pixels: () => pixelsOf(av, frame) };
    }
  }
}

/** The first frame that is not black, or undefined when all are. Rejects as `shownFrames` does. */
export async function firstVisibleFrame(video: Mp4Video): Promise<PixelRows | undefined> {
  for await (const frame of shownFrames(video)) {
    // Awaited here, as the frame ends with the loop.
    if (!frame.isBlack()) return await frame.pixels();
  }
  return undefined;
}

async function openDecoder(av: FFmpeg, { decoderConfiguration, width, height }: Mp4Video): Promise<CodecContext> {
  const h264 = av.Codec.findDecoder(av.constants.AV_CODEC_ID_H264);
  if (!h264) throw new Error('this FFmpeg has no H.264 decoder');
  const decoder = new av.CodecContext();
  decoder.allocContext3(h264);
  decoder.extraData = decoderConfiguration;
  decoder.width = width;
  decoder.height = height;
  decoder.threadCount = 1;
  av.checked(await decoder.open2(h264), 'opening the decoder');
  return decoder;
}

/** What comes out when one encoded frame goes in; at the end, without one, the rest. A frame is good until the next. */
async function* decoded(av: FFmpeg, decoder: CodecContext, data: Buffer | undefined): AsyncGenerator<Frame> {
  using packet = new av.Packet();
  packet.alloc();
  if (data) packet.data = data;
  av.checked(await decoder.sendPacket(data ? packet : null), 'decoding a frame');
  using frame = new av.Frame();
  frame.alloc();
  for (;;) {
    const code = await decoder.receiveFrame(frame);
    if (code === av.constants.AVERROR_EAGAIN || code === av.constants.AVERROR_EOF) return;
    av.checked(code, 'decoding a frame');
    yield frame;
  }
}

async function pixelsOf(av: FFmpeg, frame: Frame): Promise<PixelRows> {
  const { width, height } = frame;
  using scaler = new av.SoftwareScaleContext();
  scaler.allocContext();
  using picture = new av.Frame();
  picture.alloc();
  picture.width = width;
  picture.height = height;
  picture.format = av.constants.AV_PIX_FMT_RGB24;
  av.checked(await scaler.scaleFrame(picture, frame), 'converting the colours');
  const [rgb] = picture.data ?? [];
  const [stride = 0] = picture.linesize;
  if (!rgb) throw new Error('the converted frame has no pixels');
  const rows = Array.from({ length: height }, (_, y) =>
    Uint8Array.from(rgb.subarray(y * stride, y * stride + width * 3)),
  );
  return { width, height, eachRow: (visit) => rows.forEach(visit) };
}

/** Whether no pixel is brighter than black. Video keeps brightness as 16 to 235 unless it says otherwise. */
function isBlack(av: FFmpeg, frame: Frame): boolean {
  const { width, height } = frame;
  const [brightness] = frame.data ?? [];
  const [stride = 0] = frame.linesize;
  if (!brightness) throw new Error('the decoded frame has no pixels');
  const full = frame.colorRange === av.constants.AVCOL_RANGE_JPEG;
  const black = full ? BLACK_LIMIT : 16 + (BLACK_LIMIT * 219) / 255;
  for (let y = 0; y < height; y++) {
    for (let at = y * stride; at < y * stride + width; at++) if ((brightness[at] ?? 0) > black) return false;
  }
  return true;
}
