/** How much of each pixel is covered, 0 to 255, row by row from the top left. Sizes in pixels. */
export class Coverage {
  readonly alpha: Uint8Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.alpha = new Uint8Array(width * height);
  }

  /** Lays `share` (0 to 1) over what is there; outside the area nothing happens. */
  cover(x: number, y: number, share: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const at = y * this.width + x;
    const under = this.alpha[at] ?? 0;
    this.alpha[at] = Math.round(under + (255 - under) * Math.min(1, share));
  }
}

/** A glyph at one size, ready to be drawn with its origin on the baseline. Lengths in pixels. */
export interface Glyph {
  readonly advance: number;
  draw(onto: Coverage, x: number, baseline: number): void;
}
