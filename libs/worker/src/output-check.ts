/** Whether an engine's output is what was asked for, and what can be seen of it. */
import type { Log } from '#service-kit/log.js';
import type { EngineOutput, EngineRequest, VideoShape } from './engine.js';
import type { Mp4Video } from './mp4-video.js';
import { checkPicture } from './picture-check.js';
import type { PixelRows } from './pixels.js';
import { checkVideo } from './video-check.js';
import { firstVisibleFrame } from './video-frames.js';

export type OutputVerdict =
  | {
      readonly ok: true;
      /** Seconds, of a video. */
      readonly durationSeconds?: number;
      /** The picture, or the first frame of the video that is not black; absent where nothing here can decode it. */
      readonly pixels?: PixelRows;
    }
  | { readonly ok: false; readonly reason: string };

export function checkOutput(output: EngineOutput, request: EngineRequest, log: Log): Promise<OutputVerdict> {
  const { width, height, video } = request;
  return video ? judgeVideo(output.bytes, { width, height, ...video }, log) : checkPicture(output.bytes, request);
}

async function judgeVideo(bytes: Uint8Array, shape: VideoShape, log: Log): Promise<OutputVerdict> {
  const verdict = checkVideo(bytes, shape);
  if (!verdict.ok) return verdict;
  const { durationSeconds } = verdict.video;
  const seen = await look(verdict.video, log);
  if (seen === 'nothing') return { ok: false, reason: 'every frame is black' };
  if (seen === 'broken') return { ok: false, reason: 'its frames cannot be decoded' };
  return { ok: true, durationSeconds, pixels: seen };
}

/** `undefined` when there is no decoder on this platform: then the structure has to do. */
async function look(video: Mp4Video, log: Log): Promise<PixelRows | 'nothing' | 'broken' | undefined> {
  try {
    return (await firstVisibleFrame(video)) ?? 'nothing';
  } catch (error) {
    log.warn({ err: error }, 'a video could not be looked at');
    return error instanceof Error && error.name === 'FFmpegError' ? 'broken' : undefined;
  }
}
