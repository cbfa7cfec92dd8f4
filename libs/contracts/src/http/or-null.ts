import { ValidateIf } from 'class-validator';

/** The property is always there, and null where there is nothing to say. Beside the decorators of its value. */
export function OrNull(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== null, { context: { nullable: true } });
}
