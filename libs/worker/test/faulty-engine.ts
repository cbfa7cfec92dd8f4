import { deflateSync } from 'node:zlib';
import type { Engine, EngineCallbacks, EngineOutput, EnginePreview, EngineRequest } from '../src/engine.js';
import { encodePngHeader, PNG_COLOUR, PNG_SIGNATURE, pngChunk } from '../src/png-chunks.js';

export interface Faults {
  /** Indexes of outputs that come out black. */
  readonly black?: readonly number[];
  /** Handed over in place of every output. */
  readonly replace?: Uint8Array;
  /** Shown all at once when a run begins. */
  readonly previews?: readonly EnginePreview[];
  /** Throws instead of handing over this output, so many times. */
  readonly throwAt?: { readonly index: number; readonly error: Error; times: number };
}

/** An engine with the faults of a real one. */
export class FaultyEngine implements Engine {
  /** What each run was asked for. */
  readonly requests: EngineRequest[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly faults: Faults,
  ) {}

  /** The indexes that each run asked for. */
  get asked(): number[][] {
    return this.requests.map(({ outputs }) => outputs.map(({ index }) => index));
  }

  get identity() {
    return this.engine.identity;
  }

  setup(signal: AbortSignal) {
    return this.engine.setup(signal);
  }

  run(request: EngineRequest, callbacks: EngineCallbacks, signal: AbortSignal) {
    this.requests.push(request);
    for (const preview of this.faults.previews ?? []) callbacks.onPreview(preview);
    const onOutput = async (output: EngineOutput) => callbacks.onOutput(this.spoil(output));
    return this.engine.run(request, { ...callbacks, onOutput }, signal);
  }

  close() {
    return this.engine.close();
  }

  private spoil(output: EngineOutput): EngineOutput {
    const { throwAt, black, replace } = this.faults;
    if (replace) return { ...output, bytes: replace };
    if (throwAt?.index === output.index && throwAt.times-- > 0) throw throwAt.error;
    return black?.includes(output.index) ? { ...output, bytes: blackPicture(output) } : output;
  }
}

function blackPicture({ width, height }: { width: number; height: number }): Uint8Array {
  const header = { width, height, bitDepth: 8, colourType: PNG_COLOUR.rgb, interlaced: false };
  const pixels = deflateSync(Buffer.alloc(height * (1 + width * 3)));
  const chunks = [encodePngHeader(header), pngChunk('IDAT', pixels), pngChunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([PNG_SIGNATURE, ...chunks]);
}
