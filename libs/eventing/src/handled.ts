/** What a handler of a message wants to happen with it. One place turns this into an acknowledgement. */
export type Handled =
  | { readonly kind: 'done' }
  | { readonly kind: 'retryAfter'; readonly delayMs: number }
  | { readonly kind: 'reject'; readonly reason: string };

/** The message is dealt with. */
export function done(): Handled {
  return { kind: 'done' };
}

/** Deliver it again, not before `delayMs`. 0 hands it to another worker at once. */
export function retryAfter(delayMs: number): Handled {
  return { kind: 'retryAfter', delayMs };
}

/** How a reason begins when a message was tried as often as it may be, whatever is wrong with it. */
export const GAVE_UP = 'gave up: ';

/** It can never be dealt with: it becomes a dead letter. */
export function reject(reason: string): Handled {
  return { kind: 'reject', reason };
}
