import { IsString } from 'class-validator';
import { OrNull } from './or-null.js';

/** What every page of a list ends with. */
export abstract class CursorPage {
  /** For `cursor` of the next request; null on the last page. */
  @OrNull()
  @IsString()
  next_cursor!: string | null;
}
