/** Why a run was aborted from outside. */
export class StopReason extends Error {
  override readonly name = 'StopReason';
  constructor(
    readonly kind: 'cancelled' | 'draining' | 'timeout',
    message: string,
  ) {
    super(message);
  }
}
