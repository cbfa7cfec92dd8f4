/** Checks what clients send against the contract's classes. */
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validateSync } from 'class-validator';
import { ApiError } from './api-error.js';

/** Who sends a text for a number wants to hear that, not that the text is too large a number. */
const TYPES_FIRST = ['isString', 'isInt', 'isObject', 'isUuid', 'isIn'];

/** Checks an instance; the error names the first wrong field as `metadata.seed must …`. */
export function checked<T extends object>(instance: T): T {
  const [first] = validateSync(instance, { forbidUnknownValues: false });
  if (first) throw new ApiError('invalid_body', { details: explain(first, '') });
  return instance;
}

/** A body as an instance of its class; what the class does not name is ignored. */
export function checkedBody<T extends object>(type: new () => T, body: unknown): T {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ApiError('invalid_body', { details: 'the body must be a JSON object' });
  }
  return checked(plainToInstance(type, body));
}

/** The query of an address as an instance of its class. Parameters that the class does not name are ignored. */
export function checkedQuery<T extends object>(type: new () => T, query: unknown): T {
  const instance = plainToInstance(type, { ...(query as object) });
  const [first] = validateSync(instance, { forbidUnknownValues: false });
  if (first) throw new ApiError('invalid_query', { details: explain(first, '') });
  return instance;
}

/** class-validator's messages begin with the bare name of the property. */
function explain(error: ValidationError, path: string): string {
  const constraints = error.constraints ?? {};
  const telling = TYPES_FIRST.find((name) => name in constraints) ?? Object.keys(constraints)[0];
  if (telling !== undefined) return `${path}${constraints[telling]}`;
  const [child] = error.children ?? [];
  return child ? explain(child, `${path}${error.property}.`) : `${path}${error.property} is wrong`;
}
