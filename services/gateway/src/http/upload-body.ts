import type { FastifyInstance } from 'fastify';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { ApiError } from './api-error.js';

const FILE_TYPES = [...new Set(Object.values(JOB_CATALOGUE).map(({ mediaType }) => mediaType))];

/** Leaves files to the handler, which reads them as they come, on the one route that takes any. */
export function acceptUploads(instance: FastifyInstance): void {
  instance.decorateRequest('upload', null);
  instance.addContentTypeParser(FILE_TYPES, (request, payload, done) => {
    if (request.upload) done(null, payload);
    else done(new ApiError('unsupported_media_type'));
  });
}
