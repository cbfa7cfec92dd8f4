/** What happened to a job, as its owner may see it. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsArray, IsIn, IsInt, IsISO8601, IsObject, IsOptional, IsPositive, ValidateNested } from 'class-validator';
import { JOB_HISTORY_TYPES, type JobHistoryEvent } from '../events/registry.js';
import { CursorPage } from './cursor-page.js';

/** Who caused an event: the job's owner, an operator, the enhancer, a worker, or the platform's own deadlines. */
export type Cause = 'user' | 'operator' | 'enhancer' | 'worker' | 'platform';
const CAUSES: readonly Cause[] = ['user', 'operator', 'enhancer', 'worker', 'platform'];

export class JobHistoryEntry {
  /** Of the event in its stream; `id:` of the live events. */
  @IsInt()
  @IsPositive()
  sequence!: number;

  @IsIn(JOB_HISTORY_TYPES)
  type!: JobHistoryEvent['type'];

  @IsISO8601()
  time!: string;

  @IsIn(CAUSES)
  by!: Cause;

  /** Which attempt of the generation, where the event belongs to one. */
  @IsOptional()
  @IsInt()
  @IsPositive()
  attempt?: number;

  /** What the event says, in short: its keys depend on `type`. */
  @IsObject()
  data!: Readonly<Record<string, unknown>>;
}

/** A page of a job's events, oldest first. */
export class JobHistoryPage extends CursorPage {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => JobHistoryEntry)
  events!: readonly JobHistoryEntry[];
}
