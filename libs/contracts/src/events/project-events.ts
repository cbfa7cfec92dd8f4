/** What happens to a project. Each event carries the whole project after it, so the last one is the project. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsISO8601, IsOptional, IsString, IsUUID, ValidateNested } from 'class-validator';
import { PromptText } from './prompt-text.js';

abstract class ProjectEvent {
  @IsUUID()
  projectId!: string;

  @IsString()
  accountKey!: string;

  @ValidateNested()
  @Type(() => PromptText)
  originalPrompt!: PromptText;

  @IsOptional()
  @ValidateNested()
  @Type(() => PromptText)
  enhancedPrompt?: PromptText;

  @IsOptional()
  @IsUUID()
  characterId?: string;

  @IsISO8601()
  createdAt!: string;

  /** Of the request that made it, when that had an idempotency key. */
  @IsOptional()
  @IsString()
  requestHash?: string;
}

export class ProjectCreated extends ProjectEvent {}

export class ProjectChanged extends ProjectEvent {}

/** The project as it was at last. */
export class ProjectDeleted extends ProjectEvent {}
