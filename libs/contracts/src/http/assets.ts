import { IsBoolean } from 'class-validator';

/** The body of `PATCH /api/assets/{id}`. */
export class ChangeAssetRequest {
  @IsBoolean()
  favorite!: boolean;
}
