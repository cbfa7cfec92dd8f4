import type { Terminal } from './terminal.js';

const WIDTH = 30;
const STEP_PERCENT = 25;

/** Shows how far something is: as a bar on a terminal, else as a line for every quarter. */
export class ProgressDisplay {
  #shown = 0;

  constructor(private readonly terminal: Terminal) {}

  /** @param percent 0 to 100; it never goes back */
  update(percent: number, stage: string): void {
    if (this.terminal.interactive) this.terminal.drawBar(renderBar(percent, stage));
    else this.#tellQuarter(percent, stage);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.terminal.interactive) this.terminal.drawBar('');
  }

  #tellQuarter(percent: number, stage: string): void {
    const reached = Math.floor(percent / STEP_PERCENT) * STEP_PERCENT;
    if (reached <= this.#shown) return;
    this.#shown = reached;
    this.terminal.say(`  ${reached} %  ${stage}`);
  }
}

/** A line such as `███████░░░  70 %  rendering`. */
export function renderBar(percent: number, stage: string): string {
  const done = Math.round((Math.min(100, Math.max(0, percent)) / 100) * WIDTH);
  return `  ${'█'.repeat(done)}${'░'.repeat(WIDTH - done)} ${String(Math.round(percent)).padStart(3)} %  ${stage}`;
}
