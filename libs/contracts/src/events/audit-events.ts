/** What was refused, for the operator. None of it tells the text: not in words, not as a hash that could be guessed. */
import { IsIn, IsInt, IsPositive, IsString, MaxLength } from 'class-validator';
import { SUBJECT_MAX_CHARACTERS } from '../limits.js';

export const REFUSAL_CATEGORIES = ['minors', 'adult'] as const;
export type RefusalCategory = (typeof REFUSAL_CATEGORIES)[number];

export class RequestRefused {
  @IsString()
  accountKey!: string;

  /** Who asked: `sub` of the token. */
  @IsString()
  @MaxLength(SUBJECT_MAX_CHARACTERS)
  userId!: string;

  @IsIn(REFUSAL_CATEGORIES)
  category!: RefusalCategory;

  /** The rule of the content policy that refused. */
  @IsString()
  @MaxLength(64)
  rule!: string;

  /** Method and template of the address: `POST /api/queue-job`. */
  @IsString()
  @MaxLength(128)
  route!: string;

  /** Requests that this event stands for: further ones of the same kind are told once a minute. */
  @IsInt()
  @IsPositive()
  count!: number;
}
