/** Shows what an attempt is making: at most one picture a second, and none that is too large. */
import { LIVE_PREVIEW_INTERVAL_MS, LIVE_PREVIEW_MAX_BYTES } from '#contracts/limits.js';
import type { LivePreview } from '#contracts/live-preview.js';
import type { Log } from '#service-kit/log.js';
import type { EnginePreview } from './engine.js';

export interface LivePreviewPorts {
  readonly sendPreview: (preview: LivePreview) => void;
  readonly log: Log;
}

export class LivePreviews {
  private takenAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly about: Pick<LivePreview, 'jobId' | 'attempt'>,
    private readonly ports: LivePreviewPorts,
  ) {}

  /** Sends it or drops it, at once: a picture that waits is soon an old one. */
  show({ index, bytes, mediaType, width, height }: EnginePreview): void {
    const now = performance.now();
    if (now - this.takenAt < LIVE_PREVIEW_INTERVAL_MS) return;
    this.takenAt = now;
    const { about, ports } = this;
    if (bytes.byteLength > LIVE_PREVIEW_MAX_BYTES) {
      ports.log.warn({ ...about, index, bytes: bytes.byteLength }, 'a live preview is too large to be sent');
      return;
    }
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    ports.sendPreview({ ...about, index, mediaType, width, height, data });
  }
}
