import { ValidateBy } from 'class-validator';

/** Not every text can be kept everywhere: Postgres takes no NUL, UTF-8 no half of a pair. Beside `IsString`. */
export function StorableText(): PropertyDecorator {
  return ValidateBy({
    name: 'storableText',
    validator: {
      validate: (value) => typeof value === 'string' && !value.includes('\0') && value.isWellFormed(),
      defaultMessage: () => '$property must not contain NUL characters or unpaired surrogates',
    },
  });
}
