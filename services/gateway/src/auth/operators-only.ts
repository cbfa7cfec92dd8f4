import { type CanActivate, type ExecutionContext, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../http/api-error.js';
import { callerOf } from './authentication.js';

class OperatorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const caller = callerOf(context.switchToHttp().getRequest<FastifyRequest>());
    if (!caller.isOperator) throw new ApiError('forbidden', { details: 'the role must be admin or service_role' });
    return true;
  }
}

/** A controller or route for the roles `admin` and `service_role`; others get 403. */
export function OperatorsOnly(): ClassDecorator & MethodDecorator {
  return UseGuards(OperatorGuard);
}
