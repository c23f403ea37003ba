/** Runs a function at once, then at most every `intervalMs` while it is scheduled again. */
export class Throttle {
  private ranAt = -Infinity;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly intervalMs: number,
    private readonly run: () => void,
  ) {}

  schedule(): void {
    if (this.timer !== null) return;
    const wait = this.ranAt + this.intervalMs - Date.now();
    if (wait <= 0) this.runNow();
    else this.timer = setTimeout(() => this.runNow(), wait);
  }

  cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private runNow(): void {
    this.timer = null;
    this.ranAt = Date.now();
    this.run();
  }
}
