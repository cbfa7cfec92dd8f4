import { Noise } from '../noise.js';
import type { Paced } from '../paced.js';
import { SmoothField } from '../smooth-field.js';
import { blendTone, type Canvas, lighten, putTone, type Scene, shade, smoothstep } from './scene.js';

/** The relief's values that the sheets divide among themselves. */
const LOWEST = -0.6;
const RANGE = 1.35;

/** How far the relief's hills drift in a second, in features of the noise. */
const DRIFT = 0.11;

/** Sheets of paper, cut out in layers, each throwing a soft shadow on the one below. Over time the cuts wander. */
export function* paperScene(canvas: Canvas): Paced<Scene> {
  const { width, height, palette, random } = canvas;
  const reliefAt = reliefOf(canvas);
  yield;
  const sheets = random.integer(6, 8);
  const tones = Float32Array.from({ length: sheets }, (_, sheet) => 0.08 + (0.88 * sheet) / (sheets - 1));
  if (!palette.light) tones.reverse();
  const reach = Math.max(1, Math.round(Math.min(width, height) * 0.014));
  const rows: ReliefRows = {
    here: new Float32Array(width),
    below: new Float32Array(width),
    towardsLight: new Float32Array(width),
    reach,
  };
  return {
    *at(seconds) {
      const relief = yield* reliefAt(seconds * DRIFT);
      return (y, out) => {
        relief.readRow(y, rows.here);
        relief.readRow(Math.min(y + 1, height - 1), rows.below);
        relief.readRow(Math.max(y - reach, 0), rows.towardsLight);
        paintSheets(rows, tones, palette.ramp, out);
      };
    },
  };
}

/** The relief in the row itself, the next one, and the one `reach` pixels up, from where the light comes. */
interface ReliefRows {
  readonly here: Float32Array;
  readonly below: Float32Array;
  readonly towardsLight: Float32Array;
  /** Length of the shadows, in pixels right and down. */
  readonly reach: number;
}

function paintSheets(rows: ReliefRows, tones: Float32Array, ramp: Float32Array, out: Float32Array): void {
  const { here, below, towardsLight, reach } = rows;
  const step = RANGE / tones.length;
  const highest = tones.length - 1;
  for (let x = 0; x < here.length; x++) {
    const value = here[x] ?? 0;
    const sheet = Math.max(0, Math.min(highest, Math.floor((value - LOWEST) / step)));
    const floor = LOWEST + sheet * step;
    const left = Math.min(x, here.length - 2);
    const dx = (here[left + 1] ?? 0) - (here[left] ?? 0);
    const dy = (below[x] ?? 0) - value;
    const slope = Math.sqrt(dx * dx + dy * dy) + 1e-6;
    putTone(ramp, tones[sheet] ?? 0, out, x * 3);
    if (sheet < highest) {
      const overhang = (towardsLight[Math.max(x - reach, 0)] ?? 0) - (floor + step);
      shade(out, x * 3, 1 - 0.42 * smoothstep(-slope * reach * 0.9, slope * reach * 0.8, overhang));
    }
    // The cut catches light; over its last pixel it blends with the sheet below.
    const fromCut = (value - floor) / slope;
    if (sheet === 0 || fromCut > 3.2) continue;
    lighten(out, x * 3, 26 * (1 - smoothstep(0.5, 3.2, fromCut)));
    if (fromCut < 1) blendTone(ramp, tones[sheet - 1] ?? 0, 0.5 * (1 - fromCut), out, x * 3);
  }
}

/** Hills around a hollow, drifted so far. */
function reliefOf({ width, height, random }: Canvas): (drift: number) => Paced<SmoothField> {
  const noise = new Noise(random);
  const span = Math.min(width, height);
  const scale = random.between(1.2, 1.9) / span;
  const centreX = width * random.between(0.3, 0.7);
  const centreY = height * random.between(0.25, 0.55);
  const pull = random.between(0.5, 1.1);
  return (drift) =>
    SmoothField.sampled(width, height, (x, y) => {
      const bend = noise.at(x * scale * 0.8 + 4, y * scale * 0.8 + drift);
      // The added 0.01 rounds off the tip of the cone, which would be cut out as a speck.
      const distance = Math.sqrt(((x - centreX) / span) ** 2 + ((y - centreY) / span) ** 2 + 0.01);
      const hills = noise.layered(x * scale + bend + drift, y * scale - bend, 2);
      return hills * 0.62 + pull * (distance - 0.45);
    });
}
