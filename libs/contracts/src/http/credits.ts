/** Credits: what a user has, and what an operator grants. */
import { IsInt, IsString, Length, Matches, Max, Min } from 'class-validator';
import { CREDIT_GRANT_MAX, CREDIT_REASON_MAX_CHARACTERS, SUBJECT_MAX_CHARACTERS } from '../limits.js';
import { StorableText } from './storable-text.js';

/** A user's credits, whole ones. */
export class CreditsAnswer {
  /** What can still be spent; reserved credits are already taken off. */
  @IsInt()
  @Min(0)
  balance!: number;

  /** Set aside for jobs that have not ended. */
  @IsInt()
  @Min(0)
  reserved!: number;
}

/** The body of `POST /api/admin/credits`. */
export class GrantCreditsRequest {
  /** `sub` of the user's tokens. The user may never have been here. */
  @IsString()
  @Length(1, SUBJECT_MAX_CHARACTERS)
  @StorableText()
  user_id!: string;

  /** Whole credits; negative ones are taken away, as far as the balance goes. */
  @IsInt()
  @Min(-CREDIT_GRANT_MAX)
  @Max(CREDIT_GRANT_MAX)
  amount!: number;

  /** For the books; not empty. */
  @IsString()
  @Length(1, CREDIT_REASON_MAX_CHARACTERS)
  @Matches(/\S/, { message: '$property must not be empty' })
  @StorableText()
  reason!: string;
}
