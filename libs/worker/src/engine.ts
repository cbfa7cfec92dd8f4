/**
 * The engine port: what a worker asks of the thing that does the mathematics. A worker does not know whether pictures
 * come from a GPU or from the built-in preview.
 */

import type { LivePreviewMediaType } from '#contracts/live-preview.js';

/** What a video is to be like. Sizes in pixels, `fps` in frames a second. */
export interface VideoShape {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly fps: number;
}

/** What one attempt of a job asks the engine to make. Sizes in pixels. */
export interface EngineRequest {
  readonly jobId: string;
  readonly prompt: string;
  /** Present only for models that take one. */
  readonly negativePrompt?: string;
  readonly width: number;
  readonly height: number;
  /** Denoising steps per output, at least 1. */
  readonly steps: number;
  readonly guidanceScale: number;
  /** Present when the outputs are to be videos (H.264 in MP4) of so many frames; else they are pictures (PNG). */
  readonly video?: { readonly frames: number; readonly fps: number };
  /** The outputs to make: a job's output `index` (from 0) and its seed (0 to 2^32 - 1). */
  readonly outputs: readonly EngineOutputRequest[];
}

export interface EngineOutputRequest {
  readonly index: number;
  readonly seed: number;
}

/** A full snapshot, never a delta. `percent` is 0 to 100 over the whole request and never falls. */
export interface EngineProgress {
  readonly percent: number;
  readonly stage: 'loading' | 'generating' | 'decoding';
  readonly step: number;
  readonly steps: number;
}

/** What an output is becoming, as a small picture: nothing depends on it. Sizes in pixels. */
export interface EnginePreview {
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly mediaType: LivePreviewMediaType;
  readonly width: number;
  readonly height: number;
}

/** One finished output, handed over as soon as it exists. */
export interface EngineOutput {
  readonly index: number;
  readonly seed: number;
  readonly bytes: Uint8Array;
  readonly mediaType: 'image/png' | 'video/mp4';
  readonly width: number;
  readonly height: number;
}

/** One output that could not be made while others may succeed. */
export interface EngineOutputFailure {
  readonly index: number;
  readonly reason: string;
}

/** Who made the pictures. Goes into events and answers. */
export interface EngineIdentity {
  readonly engine: string;
  readonly model: string;
  readonly version: string;
  readonly device: string;
}

export interface EngineCallbacks {
  onProgress(progress: EngineProgress): void;
  /** As often as the engine likes; what is too much is dropped. */
  onPreview(preview: EnginePreview): void;
  /** Awaited: the engine does not run ahead of storage. A rejection ends the run with that error. */
  onOutput(output: EngineOutput): Promise<void>;
  onOutputFailed(failure: EngineOutputFailure): void;
}

export interface Engine {
  readonly identity: EngineIdentity;
  /** Loads what is needed to run. Called once, before the first run. */
  setup(signal: AbortSignal): Promise<void>;
  /**
   * Makes all requested outputs. Rejects with the signal's reason soon after an abort, with `EngineError` for a failure
   * that it understands, and with anything else for one that it does not.
   */
  run(request: EngineRequest, callbacks: EngineCallbacks, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A failure that the engine understands. `retryable`: another try, here or elsewhere, may succeed. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  constructor(
    readonly code: string,
    message: string,
    readonly retryable: boolean,
  ) {
    super(message);
  }
}
