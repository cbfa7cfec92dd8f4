import { IsBoolean, IsIn, IsInt, IsNumber, IsOptional, IsPositive, Matches, Min } from 'class-validator';
import type { EngineSettings, Format } from '../job-catalogue.js';

/** The engine configuration of one job, in the reference's field names. */
export class EngineConfig implements EngineSettings {
  /** Pixels, `width*height`. */
  @Matches(/^\d+\*\d+$/)
  size!: string;

  @IsInt()
  @IsPositive()
  sample_steps!: number;

  @IsNumber()
  sample_guide_scale!: number;

  @IsOptional()
  @IsIn(['unipc'])
  sample_solver?: 'unipc';

  @IsOptional()
  @IsNumber()
  sample_shift?: number;

  @IsInt()
  @IsPositive()
  frame_num!: number;

  @IsBoolean()
  enhance_prompt!: boolean;

  /** Seconds. */
  @IsInt()
  @Min(0)
  expected_time!: number;

  @IsIn(['image', 'video'])
  content_type!: Format;

  @IsIn(['png', 'mp4'])
  file_extension!: 'png' | 'mp4';
}
