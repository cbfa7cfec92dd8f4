import { setImmediate } from 'node:timers/promises';

/** A computation that offers a pause after every small piece of work (well under a millisecond each). */
export type Paced<T> = Generator<void, T, void>;

/** Work in milliseconds after which the event loop gets its turn: heartbeats and cancels must not wait for a picture. */
const SLICE_MS = 8;

/** Runs it to its end in slices. Rejects with the signal's reason between two slices. */
export async function runPaced<T>(computation: Paced<T>, signal: AbortSignal): Promise<T> {
  let sliceEnd = performance.now() + SLICE_MS;
  for (;;) {
    const { done, value } = computation.next();
    if (done) return value;
    if (performance.now() < sliceEnd) continue;
    await setImmediate();
    signal.throwIfAborted();
    sliceEnd = performance.now() + SLICE_MS;
  }
}
