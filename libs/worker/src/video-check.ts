import type { VideoShape } from './engine.js';
import { Mp4FormatError } from './mp4-boxes.js';
import { type Mp4Video, readMp4Video } from './mp4-video.js';

/** `broken`: not a whole MP4 with the video that was asked for. */
export type VideoVerdict =
  | { readonly ok: true; readonly video: Mp4Video }
  | { readonly ok: false; readonly reason: string };

/** Baseline, Main and High keep 8 bits and 4:2:0; what is beyond them no phone decodes in hardware. */
const PLAYABLE_PROFILES: readonly number[] = [66, 77, 100];

/**
 * Says whether the bytes are a whole MP4 with the H.264 video that was asked for: its size, its number of frames, and how
 * fast they follow each other. What the frames show is a question for a decoder.
 */
export function checkVideo(bytes: Uint8Array, expected: VideoShape): VideoVerdict {
  try {
    const video = readMp4Video(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    assertShape(video, expected);
    return { ok: true, video };
  } catch (error) {
    if (error instanceof Mp4FormatError) return { ok: false, reason: error.message };
    throw error;
  }
}

function assertShape(video: Mp4Video, { width, height, frames, fps }: VideoShape): void {
  if (video.width !== width || video.height !== height)
    throw new Mp4FormatError(`is ${video.width}x${video.height}, not ${width}x${height}`);
  if (video.frames.length !== frames) throw new Mp4FormatError(`has ${video.frames.length} frames, not ${frames}`);
  // Time scales round: a hundredth of a frame in all is nobody's fault.
  if (Math.abs(video.durationSeconds - frames / fps) > 0.01 / fps)
    throw new Mp4FormatError(`lasts ${video.durationSeconds} s, not ${frames / fps}`);
  if (!PLAYABLE_PROFILES.includes(video.profile)) throw new Mp4FormatError(`has H.264 profile ${video.profile}`);
}
