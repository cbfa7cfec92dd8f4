import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import type { Glyph } from './coverage.js';
import { outlineGlyph } from './outline-glyph.js';
import { TrueTypeFont } from './truetype.js';
import { Unifont } from './unifont.js';

const require = createRequire(import.meta.url);

/** Inter comes in files by script, asked in this order. */
const INTER_SUBSETS = ['latin', 'latin-ext', 'cyrillic', 'cyrillic-ext', 'greek', 'greek-ext', 'vietnamese'];

const UNIFONT = '#worker-fonts/unifont-15.0.01.bin.br';

/** Unifont's cell is drawn somewhat higher than the letters' size, which makes both look equally large. */
const UNIFONT_SIZE = 1.2;

/**
 * The letters for captions: Inter for the scripts it has, Unifont's dots for the rest of the world. Both belong to the
 * installation; fonts of the machine are not asked, so that pictures are the same everywhere.
 */
export class Typefaces {
  private unifont: Unifont | undefined;

  constructor(private readonly inter: readonly TrueTypeFont[]) {}

  /** Makes ready what the text needs: Unifont takes 2.5 MB and is read when a text first asks for it. */
  async prepareFor(text: string): Promise<void> {
    if (this.unifont) return;
    const missing = Array.from(text).some((character) => !this.interHas(character.codePointAt(0) ?? 0));
    if (missing) this.unifont = await loadUnifont();
  }

  /** `size`: height of an em in pixels. Nothing when no font has the character. */
  glyph(codePoint: number, size: number): Glyph | undefined {
    return this.outlineGlyph(codePoint, size) ?? this.unifont?.glyph(codePoint, size * UNIFONT_SIZE);
  }

  private outlineGlyph(codePoint: number, size: number): Glyph | undefined {
    for (const font of this.inter) {
      const outline = font.outline(codePoint);
      if (outline) return outlineGlyph(outline, size / font.unitsPerEm);
    }
    return undefined;
  }

  private interHas(codePoint: number): boolean {
    return this.inter.some((font) => font.has(codePoint));
  }
}

/** Rejects when the installation lacks a font, also one that is not needed yet. */
export async function loadTypefaces(): Promise<Typefaces> {
  await access(require.resolve(UNIFONT));
  return new Typefaces(await Promise.all(INTER_SUBSETS.map(loadInter)));
}

async function loadInter(subset: string): Promise<TrueTypeFont> {
  return new TrueTypeFont(await readFile(require.resolve(`@fontsource/inter/files/inter-${subset}-500-normal.woff`)));
}

async function loadUnifont(): Promise<Unifont> {
  const packed = await readFile(require.resolve(UNIFONT));
  return new Unifont(await promisify(brotliDecompress)(packed));
}
