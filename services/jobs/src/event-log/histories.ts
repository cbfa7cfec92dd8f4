/** Puts events of one key together; within a key they keep their order. */
export function grouped<K, E>(events: readonly E[], keyOf: (event: E) => K): Map<K, E[]> {
  const groups = new Map<K, E[]>();
  for (const event of events) {
    const key = keyOf(event);
    const group = groups.get(key);
    if (group) group.push(event);
    else groups.set(key, [event]);
  }
  return groups;
}
