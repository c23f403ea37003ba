/** Runs something at once, and then at most every `every` milliseconds for as long as it is wanted. */
export class Throttle {
  private last = -Infinity;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly every: number,
    private readonly run: () => void,
  ) {}

  want(): void {
    if (this.timer !== null) return;
    const wait = this.last + this.every - Date.now();
    if (wait <= 0) this.go();
    else this.timer = setTimeout(() => this.go(), wait);
  }

  cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private go(): void {
    this.timer = null;
    this.last = Date.now();
    this.run();
  }
}
