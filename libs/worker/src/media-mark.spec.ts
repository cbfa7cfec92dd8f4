import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DIGITAL_SOURCE_TYPE,
  digitalSourceTypeOf,
  type GenerationData,
  markPicture,
  parametersText,
} from './media-mark.js';
import { encodePngHeader, PNG_COLOUR, PNG_SIGNATURE, PngFormatError, pngChunk, readPngChunks } from './png-chunks.js';

const HEADER = encodePngHeader({ width: 1, height: 1, bitDepth: 8, colourType: PNG_COLOUR.rgb, interlaced: false });
const PNG = Buffer.concat([
  PNG_SIGNATURE,
  HEADER,
  pngChunk('IDAT', Buffer.of(1, 2)),
  pngChunk('IEND', Buffer.alloc(0)),
]);

const SDXL = { engine: 'sdxl-diffusers', model: 'sdxl', version: '1', device: 'cuda:0' };
const PREVIEW = { engine: 'preview', model: 'preview', version: '1', device: 'cpu' };

const DATA: GenerationData = {
  prompt: 'a lake',
  negativePrompt: 'fog',
  steps: 25,
  sampler: 'DPM++ 2M',
  guidanceScale: 7.5,
  seed: 4294967295,
  width: 1024,
  height: 768,
  identity: SDXL,
  software: 'OurVidz 0.1.0',
};

/** Keyword → text of all text chunks; reading verifies every checksum. */
function textsOf(png: Uint8Array): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { type, data } of readPngChunks(png)) {
    const [keyword = ''] = Buffer.from(data).toString('latin1').split('\0', 1);
    if (type === 'tEXt') texts.set(keyword, Buffer.from(data).toString('latin1', keyword.length + 1));
    if (type === 'iTXt') texts.set(keyword, Buffer.from(data).toString('utf8', keyword.length + 5));
  }
  return texts;
}

function xmpOf(data: GenerationData): string {
  return textsOf(markPicture(PNG, data)).get('XML:com.adobe.xmp') ?? '';
}

function propertyOf(xmp: string, name: string): string | undefined {
  const escaped = new RegExp(`<${name}>([^<>]*)</${name}>`).exec(xmp)?.[1];
  const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', amp: '&' };
  return escaped?.replace(/&(\w+);/g, (_, entity) => entities[entity] ?? '?');
}

describe('a marked picture', () => {
  test('carries its parameters in the customary form, right behind the header', () => {
    const marked = markPicture(PNG, DATA);
    const types = [...readPngChunks(marked)].map((chunk) => chunk.type);

    expect(types).toEqual(['IHDR', 'tEXt', 'tEXt', 'iTXt', 'IDAT', 'IEND']);
    expect(textsOf(marked).get('parameters')).toBe(
      'a lake\nNegative prompt: fog\nSteps: 25, Sampler: DPM++ 2M, CFG scale: 7.5, Seed: 4294967295, Size: 1024x768, Model: sdxl, Version: OurVidz 0.1.0',
    );
    expect(textsOf(marked).get('Software')).toBe('OurVidz 0.1.0');
  });

  test('keeps all bytes of the original', () => {
    const marked = markPicture(PNG, DATA);
    expect(marked.subarray(0, 33)).toEqual(PNG.subarray(0, 33));
    expect(marked.subarray(-(PNG.length - 33))).toEqual(PNG.subarray(33));
  });

  test('leaves out what a model does not take', () => {
    const text = parametersText({ ...DATA, negativePrompt: undefined, sampler: undefined });
    expect(text).toBe(
      'a lake\nSteps: 25, CFG scale: 7.5, Seed: 4294967295, Size: 1024x768, Model: sdxl, Version: OurVidz 0.1.0',
    );
  });

  test.each([
    [SDXL, DIGITAL_SOURCE_TYPE.trained, 'trainedAlgorithmicMedia'],
    [PREVIEW, DIGITAL_SOURCE_TYPE.algorithmic, 'algorithmicMedia'],
  ])('says how it came about: %o', (identity, type, term) => {
    const xmp = xmpOf({ ...DATA, identity });
    expect(type).toBe(`http://cv.iptc.org/newscodes/digitalsourcetype/${term}`);
    expect(digitalSourceTypeOf(identity)).toBe(type);
    expect(propertyOf(xmp, 'Iptc4xmpExt:DigitalSourceType')).toBe(type);
    expect(xmp).toContain('xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"');
  });

  test('keeps other scripts in both places', () => {
    const prompt = '湖 🌲 בוקר';
    const texts = textsOf(markPicture(PNG, { ...DATA, prompt }));
    expect(texts.get('parameters')?.split('\n')[0]).toBe(prompt);
    expect(propertyOf(texts.get('XML:com.adobe.xmp') ?? '', 'Iptc4xmpExt:AIPromptInformation')).toBe(prompt);
  });

  test('drops control characters, NUL and lone surrogates', () => {
    const texts = textsOf(markPicture(PNG, { ...DATA, prompt: 'a\0b\u0007c\ud800d\u0085e' }));
    expect(texts.get('parameters')?.split('\n')[0]).toBe('abc\ufffdde');
  });

  test('stays readable for any prompt', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (prompt) => {
        const texts = textsOf(markPicture(PNG, { ...DATA, prompt }));
        const inXmp = propertyOf(texts.get('XML:com.adobe.xmp') ?? '', 'Iptc4xmpExt:AIPromptInformation');
        expect(texts.get('parameters')?.startsWith(inXmp ?? 'no XMP')).toBe(true);
      }),
    );
  });

  test('is refused for what is no PNG', () => {
    expect(() => markPicture(Buffer.from('GIF89a'), DATA)).toThrow(PngFormatError);
  });
});
