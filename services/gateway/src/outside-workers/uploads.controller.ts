import { Controller, Put, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { UploadAnswer } from '#contracts/http/outside-workers.js';
import { uploadOf } from '../auth/upload-signatures.js';
import { UploadIntake } from './upload-intake.js';

/** Files of outside workers. The signature in the address is the right to send one: there is no token. */
@Controller('assets')
export class UploadsController {
  constructor(private readonly intake: UploadIntake) {}

  @Put('*')
  async upload(@Req() request: FastifyRequest): Promise<UploadAnswer> {
    const { index, key, bytes, sha256 } = await this.intake.take(uploadOf(request), request.raw);
    return { success: true, index, key, bytes, sha256 };
  }
}
