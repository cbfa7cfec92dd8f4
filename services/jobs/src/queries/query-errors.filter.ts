import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
import { QueryRefusedError } from '#eventing/request-reply.js';
import { DatabaseUnavailableError, isNotMigrated } from '../database/database-errors.js';

/** Hands errors on as they are, for the transport to put into the reply; an absent database is `unavailable`. */
@Catch()
export class QueryErrorsFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    const unavailable = error instanceof DatabaseUnavailableError || isNotMigrated(error);
    return throwError(() => (unavailable ? new QueryRefusedError('unavailable', 'the database is away') : error));
  }
}
