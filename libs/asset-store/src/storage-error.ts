/** The store could not do what was asked. `retryable` says whether waiting may help. */
export class StorageError extends Error {
  override readonly name = 'StorageError';

  constructor(
    message: string,
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What the file system says, and whether it may say otherwise later. */
const CAUSES: Readonly<Record<string, { says: string; retryable: boolean }>> = {
  ENOSPC: { says: 'no space left', retryable: true },
  EDQUOT: { says: 'quota exceeded', retryable: true },
  EMFILE: { says: 'too many open files', retryable: true },
  EIO: { says: 'input/output error', retryable: true },
  EBUSY: { says: 'busy', retryable: true },
  ENOTDIR: { says: 'a file is where a folder should be', retryable: true },
  EEXIST: { says: 'a file is where a folder should be', retryable: true },
  EROFS: { says: 'read-only file system', retryable: false },
  EACCES: { says: 'no permission', retryable: false },
  EPERM: { says: 'no permission', retryable: false },
};

/** A file system error as a `StorageError`; anything else, a bug for example, stays what it is. */
export function storageErrorOf(error: unknown, doing: string): unknown {
  const cause = CAUSES[errorCode(error) ?? ''];
  if (!cause) return error;
  return new StorageError(`${doing}: ${cause.says}`, cause.retryable, { cause: error });
}

/** `ENOENT` and its like. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
