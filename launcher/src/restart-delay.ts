const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** After so long without a fault, earlier ones are forgotten. */
const HEALTHY_MS = 60_000;

/** How long to wait before a crashed process is started again: longer each time, so that a hopeless one costs little. */
export class RestartDelay {
  #faults = 0;

  /**
   * @param upMs how long the process ran this time
   * @returns milliseconds
   */
  next(upMs: number): number {
    if (upMs >= HEALTHY_MS) this.#faults = 0;
    const delay = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#faults);
    this.#faults += 1;
    return delay;
  }
}
