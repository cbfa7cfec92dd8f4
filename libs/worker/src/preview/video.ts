import type { VideoShape } from '../engine.js';
import type { Caption } from './caption.js';
import { H264Encoder } from './h264-encoder.js';
import { type Paced, runPaced } from './paced.js';
import { compositionOf, type FinishedRows } from './picture.js';

/** What a video follows from. */
export interface VideoRequest extends VideoShape {
  readonly prompt: string;
  /** 0 to 2^32 - 1. */
  readonly seed: number;
}

/** The rows of one frame after the other. */
export type FrameSource = (frame: number) => Paced<FinishedRows>;

/** The moving form of the picture that the same prompt and seed make, `frames / fps` seconds of it. */
export async function movingPicture(
  request: VideoRequest,
  caption: Caption,
  signal: AbortSignal,
): Promise<FrameSource> {
  const { frames, fps } = request;
  const composition = await runPaced(compositionOf(request, caption, frames / fps), signal);
  return (frame) => composition(frame / fps);
}

/** How the making of a video is followed. */
export interface VideoCallbacks {
  readonly signal: AbortSignal;
  /** Awaited after each frame; from 1 on. */
  onFrame(framesDone: number): Promise<void>;
}

/**
 * Paints the frames and encodes them as MP4. One frame is encoded on another thread while the next is painted. Rejects
 * with the signal's reason within a frame's time of an abort.
 */
export async function renderVideo(shape: VideoShape, source: FrameSource, callbacks: VideoCallbacks): Promise<Buffer> {
  const encoder = await H264Encoder.open(shape);
  let encoded = Promise.resolve();
  try {
    // Two frames take turns: one is being painted while the encoder reads the other.
    let painting = Buffer.alloc(shape.width * shape.height * 3);
    let encoding = Buffer.alloc(painting.length);
    for (let frame = 0; frame < shape.frames; frame++) {
      await runPaced(paintFrame(shape, await runPaced(source(frame), callbacks.signal), painting), callbacks.signal);
      await encoded;
      encoded = encoder.add(painting);
      [painting, encoding] = [encoding, painting];
      await callbacks.onFrame(frame + 1);
    }
    await encoded;
    return await encoder.finish();
  } finally {
    // The encoder may not be closed while it works.
    await encoded.catch(() => undefined);
    encoder.close();
  }
}

function* paintFrame({ width, height }: VideoShape, rows: FinishedRows, frame: Buffer): Paced<void> {
  const stride = width * 3;
  for (let y = 0; y < height; y++) {
    rows(y, frame.subarray(y * stride, (y + 1) * stride));
    if (y % 8 === 0) yield;
  }
}
