import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
import { isOutage } from '#eventing/errors.js';
import { QueryUnavailableError } from '#eventing/request-reply.js';
import { DatabaseUnavailableError, isNotMigrated } from '../database/database-errors.js';

/** Hands errors on as they are, for the transport to put into the reply; what passes by itself is `unavailable`. */
@Catch()
export class QueryErrorsFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => unavailability(error) ?? error);
  }
}

function unavailability(error: unknown): QueryUnavailableError | undefined {
  if (isOutage(error)) return new QueryUnavailableError('NATS cannot take it now', { cause: error });
  const isAway = error instanceof DatabaseUnavailableError || isNotMigrated(error);
  return isAway ? new QueryUnavailableError('the database is away', { cause: error }) : undefined;
}
