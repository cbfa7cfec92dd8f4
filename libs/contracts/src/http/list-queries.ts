import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsISO8601, IsOptional, IsString, IsUUID, Matches, Max, MaxLength, Min } from 'class-validator';
import { JOB_STATUSES, type JobStatus } from '../domain/job.js';
import { type Format, JOB_TYPES, type JobType } from '../job-catalogue.js';
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from '../limits.js';

/** What every list takes in its address. */
class PageQuery {
  /** `next_cursor` of the page before. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  @Matches(/^[A-Za-z0-9_-]+$/)
  cursor?: string;

  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(PAGE_LIMIT_MAX)
  limit: number = PAGE_LIMIT_DEFAULT;
}

export class ListJobsQuery extends PageQuery {
  @IsOptional()
  @IsIn(JOB_STATUSES)
  status?: JobStatus;

  @IsOptional()
  @IsIn(JOB_TYPES)
  jobType?: JobType;
}

export class ListAssetsQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  jobId?: string;

  @IsOptional()
  @IsIn(['image', 'video'])
  type?: Format;

  @IsOptional()
  @IsISO8601({ strict: true })
  from?: string;

  @IsOptional()
  @IsISO8601({ strict: true })
  to?: string;
}
