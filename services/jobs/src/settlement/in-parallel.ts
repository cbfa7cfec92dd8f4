/**
 * Does the work of all items, some at a time. Once all have been tried it rejects with the first failure. When aborted it
 * rejects at once: what is under way by then may take as long as NATS is asked for an answer, and comes to its own end.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  { atOnce, signal }: { atOnce: number; signal: AbortSignal },
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = [...items].values();
  const failures: unknown[] = [];
  const lane = async () => {
    for (const item of rest) {
      if (signal.aborted) return;
      await work(item).catch((error: unknown) => failures.push(error));
    }
  };
  await endOrAbort(Promise.all(Array.from({ length: atOnce }, lane)), signal);
  if (failures.length > 0) throw failures[0];
}

/** `work` must not reject. */
async function endOrAbort(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const aborted = new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true, signal: ended.signal });
    if (signal.aborted) resolve(undefined);
  });
  await Promise.race([work, aborted]);
  ended.abort();
  signal.throwIfAborted();
}
