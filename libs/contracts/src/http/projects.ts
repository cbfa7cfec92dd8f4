/** Projects: prompts that jobs can be asked for with. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  IsArray,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  MaxLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { PROMPT_MAX_UNITS, PROMPT_TOO_LONG } from '../limits.js';
import { CursorPage } from './cursor-page.js';
import { OrNull } from './or-null.js';

/** The body of `POST /api/projects`. */
export class CreateProjectRequest {
  /** 1 to 10,000 characters after trimming. */
  @IsString()
  @MaxLength(PROMPT_MAX_UNITS, PROMPT_TOO_LONG)
  original_prompt!: string;

  /** Takes the place of `original_prompt` in jobs. 1 to 10,000 characters after trimming, or null. */
  @IsOptional()
  @IsString()
  @MaxLength(PROMPT_MAX_UNITS, PROMPT_TOO_LONG)
  enhanced_prompt?: string | null;

  @IsOptional()
  @IsUUID()
  character_id?: string | null;
}

/** The body of `PATCH /api/projects/{id}`: what is left out stays, null takes away. */
export class ChangeProjectRequest {
  /** 1 to 10,000 characters after trimming. */
  @ValidateIf((_body, value) => value !== undefined)
  @IsString()
  @MaxLength(PROMPT_MAX_UNITS, PROMPT_TOO_LONG)
  original_prompt?: string;

  @IsOptional()
  @IsString()
  @MaxLength(PROMPT_MAX_UNITS, PROMPT_TOO_LONG)
  enhanced_prompt?: string | null;

  @IsOptional()
  @IsUUID()
  character_id?: string | null;
}

export class ProjectView {
  @IsUUID()
  id!: string;

  @IsString()
  original_prompt!: string;

  @OrNull()
  @IsString()
  enhanced_prompt!: string | null;

  @OrNull()
  @IsUUID()
  character_id!: string | null;

  @IsISO8601()
  created_at!: string;
}

/** A page of projects, newest first. It may be shorter than its limit when the prompts are long. */
export class ProjectsPage extends CursorPage {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => ProjectView)
  projects!: readonly ProjectView[];
}
