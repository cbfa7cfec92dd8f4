import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FileAssetStore } from '#asset-store/file-asset-store.js';
import { verifyAssetUrl } from '#asset-store/signed-url.js';
import { assetIdOf } from '#contracts/ids.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { ApiError } from '../http/api-error.js';
import { RecentlyDeleted } from './recently-deleted.js';

interface FileQuery {
  readonly exp?: unknown;
  readonly sig?: unknown;
  readonly download?: unknown;
}

/** The files behind signed addresses. The signature is the right to read them: there is no token. */
@Controller('assets')
export class AssetFilesController {
  constructor(
    private readonly files: FileAssetStore,
    private readonly recentlyDeleted: RecentlyDeleted,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  @Get('*')
  async file(@Query() query: FileQuery, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const key = (request.params as { '*'?: string })['*'] ?? '';
    const secondsLeft = this.checkSignature(key, query);
    if (this.isDeleted(key) || !(await this.files.stat(key))) throw new ApiError('unknown_asset');
    reply.header('cache-control', `private, max-age=${secondsLeft}, immutable`);
    reply.header('cross-origin-resource-policy', 'cross-origin');
    if (query.download === '1') reply.header('content-disposition', `attachment; filename="${fileNameOf(key)}"`);
    await reply.sendFile(key, this.files.root, { cacheControl: false });
  }

  private checkSignature(key: string, { exp, sig }: FileQuery): number {
    const now = Math.floor(Date.now() / 1000);
    const { urlSecret: secret } = this.configuration.assets;
    const verdict = verifyAssetUrl({ key, exp, sig, secret, now });
    if (verdict !== 'valid') throw new ApiError('invalid_signature', { details: `the signature is ${verdict}` });
    return Number(exp) - now;
  }

  /** The file of a deleted asset may be there for a little longer; to the outside it is gone. */
  private isDeleted(key: string): boolean {
    const [, , jobId = '', file = ''] = key.split('/');
    return this.recentlyDeleted.has(assetIdOf(jobId, Number.parseInt(file, 10)));
  }
}

function fileNameOf(key: string): string {
  const [bucket = '', , jobId = '', file = ''] = key.split('/');
  const [index = '0', ...extension] = file.split('.');
  return `${bucket}-${jobId}-${Number(index) + 1}.${extension.join('.')}`;
}
