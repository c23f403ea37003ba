/** Holds a state, and tells who listens when it has changed: what `useSyncExternalStore` takes. */
export class Emitter<T extends object> {
  private readonly listeners = new Set<() => void>();

  constructor(protected state: T) {}

  readonly snapshot = (): T => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  protected set(change: Partial<T>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
