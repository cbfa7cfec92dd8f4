import { IsString } from 'class-validator';

/** The text of a prompt wherever it appears in an event: one shape, so that it can be sealed per account in one place. */
export class PromptText {
  @IsString()
  text!: string;
}
