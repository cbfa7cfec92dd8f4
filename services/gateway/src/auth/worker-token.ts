/** The one token of all workers outside the platform. It opens their routes and nothing else. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ApiError } from '../http/api-error.js';

export class WorkerToken {
  private readonly digest: Buffer | undefined;

  /** @param token undefined: there are no such workers here */
  constructor(token: string | undefined) {
    this.digest = token === undefined ? undefined : digestOf(token);
  }

  /** Why a request with this token is refused, or undefined when it is not. Takes as long for any wrong token. */
  refusalOf(given: string | undefined): ApiError | undefined {
    if (!this.digest) return new ApiError('outside_workers_off');
    if (given === undefined) return new ApiError('authentication_required');
    if (timingSafeEqual(digestOf(given), this.digest)) return undefined;
    return new ApiError('invalid_token', { details: 'this is not the token of outside workers' });
  }
}

/** Of one length, whatever it is of. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
