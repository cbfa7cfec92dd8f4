import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsISO8601, IsOptional, IsString, IsUUID, Matches, Max, MaxLength, Min } from 'class-validator';
import { JOB_STATUSES, type JobStatus } from '../domain/job.js';
import { type Format, JOB_TYPES, type JobType } from '../job-catalogue.js';
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, SEARCH_MAX_CHARACTERS } from '../limits.js';

/** `2026-01-31` or `2026-01-31T08:30:00Z`: of ISO 8601 only what every reader understands. */
export const RFC_3339 = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2}))?$/;

/** What every list takes in its address. */
export class PageQuery {
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

/** What operators may add to look at the past. */
export class PastQuery {
  /** A moment of the past: a date, or a date and time with a zone. Only for the roles `admin` and `service_role`. */
  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(RFC_3339, { message: '$property must be a date or a date and time with a zone, as RFC 3339 has them' })
  at?: string;
}

export class ListJobsQuery extends PageQuery {
  @IsOptional()
  @IsIn(JOB_STATUSES)
  status?: JobStatus;

  @IsOptional()
  @IsIn(JOB_TYPES)
  jobType?: JobType;

  @IsOptional()
  @IsUUID()
  projectId?: string;
}

export class ListAssetsQuery extends PageQuery {
  @IsOptional()
  @IsUUID()
  jobId?: string;

  @IsOptional()
  @IsIn(['image', 'video'])
  type?: Format;

  @IsOptional()
  @IsIn(['true', 'false'])
  favorite?: 'true' | 'false';

  @IsOptional()
  @IsUUID()
  projectId?: string;

  /** Words that all stand in the prompt or in the enhanced prompt, whatever their case. */
  @IsOptional()
  @IsString()
  @MaxLength(SEARCH_MAX_CHARACTERS)
  q?: string;

  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(RFC_3339, { message: '$property must be a date or a date and time with a zone, as RFC 3339 has them' })
  from?: string;

  @IsOptional()
  @IsISO8601({ strict: true })
  @Matches(RFC_3339, { message: '$property must be a date or a date and time with a zone, as RFC 3339 has them' })
  to?: string;
}
