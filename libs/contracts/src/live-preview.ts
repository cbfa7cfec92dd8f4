/** What a running job is becoming, as a small picture: sent on core NATS, not stored, replaced by the next one. */
export interface LivePreview {
  readonly jobId: string;
  /** Pictures of an older attempt are dropped. */
  readonly attempt: number;
  /** The output that it shows, from 0. */
  readonly index: number;
  readonly mediaType: LivePreviewMediaType;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** The file, in base64; `LIVE_PREVIEW_MAX_BYTES` at most before that. */
  readonly data: string;
}

export const LIVE_PREVIEW_MEDIA_TYPES = ['image/webp', 'image/jpeg'] as const;
export type LivePreviewMediaType = (typeof LIVE_PREVIEW_MEDIA_TYPES)[number];
