/** What the server-sent events of a job carry beside whole jobs and assets. */
import 'reflect-metadata';
import { IsIn, IsInt, IsPositive, IsUUID, Matches, Min } from 'class-validator';
import { LIVE_PREVIEW_MEDIA_TYPES, type LivePreviewMediaType } from '../live-preview.js';
import { ProgressView } from './answers.js';

/** The event `progress`. */
export class JobProgressView extends ProgressView {
  @IsUUID()
  job_id!: string;

  /** 0 before the first one. */
  @IsInt()
  @Min(0)
  attempt!: number;
}

/** The event `preview`: a small picture of what one output is becoming. Only the newest one counts. */
export class LivePreviewView {
  @IsUUID()
  job_id!: string;

  @IsInt()
  @IsPositive()
  attempt!: number;

  /** The output that it shows, from 0. */
  @IsInt()
  @Min(0)
  index!: number;

  @IsIn(LIVE_PREVIEW_MEDIA_TYPES)
  media_type!: LivePreviewMediaType;

  /** Pixels. */
  @IsInt()
  @IsPositive()
  width!: number;

  /** Pixels. */
  @IsInt()
  @IsPositive()
  height!: number;

  /** The picture itself, 64 KiB at most before base64. */
  @Matches(/^data:image\/(webp|jpeg);base64,/)
  data_url!: string;
}
