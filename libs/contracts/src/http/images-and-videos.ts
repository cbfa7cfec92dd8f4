/** What became of an `imageId` or `videoId` that jobs named. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsIn, IsUrl, IsUUID, ValidateNested } from 'class-validator';
import { JOB_STATUSES, type JobStatus } from '../domain/job.js';
import { JobView } from './answers.js';
import { OrNull } from './or-null.js';

/** The latest job that named the id, and what it has made so far. */
export class MediaView {
  /** The id that the jobs named. */
  @IsUUID()
  id!: string;

  /** Of the latest job. */
  @IsIn(JOB_STATUSES)
  status!: JobStatus;

  /** Signed address of the first output; null while there is none. */
  @OrNull()
  @IsUrl()
  url!: string | null;

  /** Signed addresses of all outputs, in index order. */
  @IsUrl({}, { each: true })
  urls!: readonly string[];

  /** A small picture of the first output; null where there is none. */
  @OrNull()
  @IsUrl()
  preview_url!: string | null;

  @ValidateNested()
  @Type(() => JobView)
  job!: JobView;
}
