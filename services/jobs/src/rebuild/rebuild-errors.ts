/** It cannot be done as things are; nothing was changed. The message says why and what to do. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}
