/** Turns whatever was thrown into the one error body. */
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StorageError } from '#asset-store/storage-error.js';
import { ERROR_CODES, type ErrorCode } from '#contracts/http/error-codes.js';
import { EventingUnavailableError, StreamFullError } from '#eventing/errors.js';
import { QueryRefusedError, QueryUnavailableError } from '#eventing/request-reply.js';
import type { Log } from '#service-kit/log.js';
import { ApiError } from './api-error.js';

/** What Fastify and its plugins throw at a client's mistake, by their codes. */
const FRAMEWORK_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_json',
  FST_ERR_BAD_URL: 'not_found',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
};

/** And by their statuses. */
const FRAMEWORK_STATUSES: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid_json',
  404: 'not_found',
  405: 'method_not_allowed',
  412: 'precondition_failed',
  413: 'body_too_large',
  414: 'not_found',
  415: 'unsupported_media_type',
  416: 'range_not_satisfiable',
};

@Catch()
export class ErrorAnswers implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(thrown, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  private answer(caught: unknown, request: FastifyRequest, reply: FastifyReply): void {
    // Nest wraps what Fastify and its plugins throw.
    const thrown = caught instanceof HttpException ? (caught.cause ?? caught) : caught;
    const error = apiErrorOf(thrown);
    if (error.code === 'internal_error') this.logBug(thrown, request);
    if (reply.sent || reply.raw.headersSent) return void reply.raw.destroy();
    if (error.code === 'range_not_satisfiable') reply.headers(headersOf(thrown));
    sendError(error, reply);
  }

  private logBug(thrown: unknown, request: FastifyRequest): void {
    const { id: requestId, method } = request;
    this.log.error({ err: thrown, requestId, method, route: request.routeOptions?.url }, 'a request failed');
  }
}

export function sendError(error: ApiError, reply: FastifyReply): void {
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds));
  // What is still to come of the file is of no use.
  if (error.code === 'file_too_large') reply.header('connection', 'close');
  if (error.status === 401) reply.header('www-authenticate', challenge(error.code));
  // A file's own headers do not fit the error that takes its place.
  for (const name of ['content-length', 'content-disposition', 'etag', 'last-modified']) reply.removeHeader(name);
  reply.header('cache-control', 'no-store');
  reply.status(error.status).type('application/json; charset=utf-8').send(error.body);
}

/** The answer that a thrown thing means; what nobody foresaw is our fault. */
export function apiErrorOf(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return eventingError(thrown) ?? frameworkError(thrown) ?? new ApiError('internal_error', { cause: thrown });
}

function eventingError(thrown: unknown): ApiError | undefined {
  if (thrown instanceof StreamFullError) return new ApiError('queue_unavailable', { details: 'the stream is full' });
  if (thrown instanceof EventingUnavailableError) return new ApiError('queue_unavailable', { details: thrown.message });
  if (thrown instanceof QueryUnavailableError) return new ApiError('lists_unavailable', { details: thrown.message });
  if (thrown instanceof StorageError) return new ApiError('storage_unavailable', { details: 'the asset store failed' });
  if (!(thrown instanceof QueryRefusedError)) return undefined;
  if (thrown.code === 'invalid_cursor') return new ApiError('invalid_query', { details: 'cursor is not a known one' });
  return new ApiError('internal_error', { cause: thrown });
}

function frameworkError(thrown: unknown): ApiError | undefined {
  if (thrown instanceof HttpException) return fromStatus(thrown.getStatus());
  if (!(thrown instanceof Error)) return undefined;
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FRAMEWORK_CODES[code] : undefined;
  if (known) return new ApiError(known);
  return typeof statusCode === 'number' ? fromStatus(statusCode) : undefined;
}

/** Which part there would be, as the file server says it (RFC 9110, 15.5.17). */
function headersOf(thrown: unknown): Record<string, string> {
  const { headers } = thrown as { headers?: Record<string, string> };
  return { 'content-range': headers?.['Content-Range'] ?? 'bytes */*' };
}

function fromStatus(status: number): ApiError | undefined {
  const code = FRAMEWORK_STATUSES[status];
  return code && new ApiError(code);
}

/** RFC 6750: without a token no error is named. */
function challenge(code: ErrorCode): string {
  return code === 'invalid_token'
    ? `Bearer error="invalid_token", error_description="${ERROR_CODES[code].error}"`
    : 'Bearer';
}
