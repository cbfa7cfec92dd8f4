import { QueryUnavailableError } from '#eventing/request-reply.js';
import { ApiError } from '../http/api-error.js';

/** @throws ApiError `queue_unavailable` when nobody carries out a command. */
export async function orQueueUnavailable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof QueryUnavailableError)) throw error;
    throw new ApiError('queue_unavailable', { details: error.message, cause: error });
  }
}
