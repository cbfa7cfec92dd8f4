/** Who may send a file: whoever has the signed address, and no other file than the one it is for. */
import type { FastifyRequest } from 'fastify';
import { type Upload, verifyUploadUrl } from '#asset-store/signed-upload.js';
import { ApiError } from '../http/api-error.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the signed address allows; null on all other routes. */
    upload: Upload | null;
  }
}

export class UploadSignatures {
  constructor(private readonly secret: string) {}

  /** Notes what may be sent; answers why it may not, by what is known before the file comes. */
  refusalOf(request: FastifyRequest): ApiError | undefined {
    const key = (request.params as { '*'?: string })['*'] ?? '';
    const query = request.query as Readonly<Record<string, unknown>>;
    const now = Math.floor(Date.now() / 1000);
    const upload = verifyUploadUrl({ key, query, secret: this.secret, now });
    if (typeof upload === 'string') return new ApiError('invalid_signature', { details: `the signature is ${upload}` });
    request.upload = upload;
    return refusalOfHeaders(request, upload);
  }
}

function refusalOfHeaders({ headers }: FastifyRequest, { mediaType, maxBytes }: Upload): ApiError | undefined {
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== mediaType) return new ApiError('unusable_file', { details: `content-type must be ${mediaType}` });
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    return new ApiError('unusable_file', { details: 'compressed files are not taken' });
  }
  if (Number(headers['content-length'] ?? 0) <= maxBytes) return undefined;
  return new ApiError('file_too_large', { details: `the file may have ${maxBytes} bytes` });
}

/** @throws Error on a route that takes no files. */
export function uploadOf(request: FastifyRequest): Upload {
  if (!request.upload) throw new Error('this route takes no files');
  return request.upload;
}
