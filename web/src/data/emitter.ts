/** Holds a state and notifies its subscribers of changes, in the form that `useSyncExternalStore` takes. */
export class Emitter<T extends object> {
  private readonly subscribers = new Set<() => void>();

  constructor(protected state: T) {}

  readonly snapshot = (): T => this.state;

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.subscribers.add(subscriber);
    return () => this.subscribers.delete(subscriber);
  };

  protected set(change: Partial<T>): void {
    this.state = { ...this.state, ...change };
    for (const subscriber of this.subscribers) subscriber();
  }
}
