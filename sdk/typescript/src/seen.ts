/** Memory of the ids of handled events. A `Set` is one; for several processes, wrap a shared store such as Redis. */
export interface Seen {
  /** Returns true if the id was added. */
  has(id: string): unknown;
  /** Remembers an id, after its callbacks succeeded. */
  add(id: string): unknown;
}

/** Memory of the latest ids of one process; forgets the oldest beyond `limit`. */
export function recentIds(limit = 10_000): Seen {
  const ids = new Set<string>();
  return {
    has: (id) => ids.has(id),
    add(id) {
      ids.delete(id);
      ids.add(id);
      for (const oldest of ids) {
        if (ids.size <= limit) return;
        ids.delete(oldest);
      }
    },
  };
}
