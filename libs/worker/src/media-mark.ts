import type { EngineIdentity } from './engine.js';
import { PngFormatError, pngChunk, readPngChunks } from './png-chunks.js';

/**
 * IPTC NewsCodes "Digital Source Type" (http://cv.iptc.org/newscodes/digitalsourcetype/): `trained` media was made by a
 * model trained on sampled content, `algorithmic` media by an algorithm alone.
 */
export const DIGITAL_SOURCE_TYPE = {
  trained: 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia',
  algorithmic: 'http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia',
} as const;

export type DigitalSourceType = (typeof DIGITAL_SOURCE_TYPE)[keyof typeof DIGITAL_SOURCE_TYPE];

/** The preview engine has learned nothing from anybody's pictures; every other engine runs a trained model. */
export function digitalSourceTypeOf(identity: EngineIdentity): DigitalSourceType {
  return identity.engine === 'preview' ? DIGITAL_SOURCE_TYPE.algorithmic : DIGITAL_SOURCE_TYPE.trained;
}

/** How one output was made. Sizes in pixels; `software` is the platform's name and version. */
export interface GenerationData {
  readonly prompt: string;
  readonly negativePrompt?: string;
  readonly steps: number;
  readonly sampler?: string;
  readonly guidanceScale: number;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly identity: EngineIdentity;
  readonly software: string;
}

/**
 * Returns the PNG with its generation data inside, right behind IHDR: `parameters` in the form that AUTOMATIC1111's web
 * UI made customary, `Software`, and an XMP packet with the IPTC digital source type. The pixels stay as they are.
 * @throws {PngFormatError} when the bytes do not start like a PNG.
 */
export function markPicture(png: Uint8Array, data: GenerationData): Buffer {
  const header = readPngChunks(png).next();
  if (header.done || header.value.type !== 'IHDR') throw new PngFormatError('does not start with IHDR');
  const behindHeader = header.value.end;
  return Buffer.concat([
    png.subarray(0, behindHeader),
    textChunk('parameters', parametersText(data)),
    textChunk('Software', data.software),
    xmpChunk(xmpPacket(data)),
    png.subarray(behindHeader),
  ]);
}

/** The text that galleries and other tools read back: prompt, negative prompt, settings. */
export function parametersText(data: GenerationData): string {
  const negative = data.negativePrompt ? `Negative prompt: ${data.negativePrompt}\n` : '';
  const settings = [
    `Steps: ${data.steps}`,
    ...(data.sampler ? [`Sampler: ${data.sampler}`] : []),
    `CFG scale: ${data.guidanceScale}`,
    `Seed: ${data.seed}`,
    `Size: ${data.width}x${data.height}`,
    `Model: ${data.identity.model}`,
    `Version: ${data.software}`,
  ];
  return `${data.prompt}\n${negative}${settings.join(', ')}`;
}

/** Latin-1 text goes into tEXt, which every reader knows; anything else into iTXt (PNG specification 11.3.3). */
function textChunk(keyword: string, text: string): Buffer {
  const clean = withoutControls(text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is the range of Latin-1 itself
  if (!/^[\x00-\xff]*$/.test(clean)) return internationalText(keyword, clean);
  return pngChunk('tEXt', Buffer.from(`${keyword}\0${clean}`, 'latin1'));
}

function xmpChunk(packet: string): Buffer {
  return internationalText('XML:com.adobe.xmp', packet);
}

/** Uncompressed iTXt without language tag and translated keyword: five zero bytes in all behind the keyword. */
function internationalText(keyword: string, text: string): Buffer {
  return pngChunk('iTXt', Buffer.from(`${keyword}\0\0\0\0\0${text}`, 'utf8'));
}

/** What an XMP packet says: who made it, and from which prompt where there is room for it. */
export type XmpData = Pick<GenerationData, 'identity' | 'software'> & Partial<Pick<GenerationData, 'prompt'>>;

/** Namespaces: XMP specification part 1, IPTC Photo Metadata 2025.1 (which added the AI properties). */
export function xmpPacket(data: XmpData): string {
  const properties = [
    xmpProperty('xmp:CreatorTool', data.software),
    xmpProperty('Iptc4xmpExt:DigitalSourceType', digitalSourceTypeOf(data.identity)),
    xmpProperty('Iptc4xmpExt:AISystemUsed', `${data.identity.engine}/${data.identity.model}`),
    xmpProperty('Iptc4xmpExt:AISystemVersionUsed', data.identity.version),
    ...(data.prompt === undefined ? [] : [xmpProperty('Iptc4xmpExt:AIPromptInformation', data.prompt)]),
  ];
  return `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
${properties.join('\n')}
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>`;
}

function xmpProperty(name: string, value: string): string {
  return `   <${name}>${escapeXml(withoutControls(value))}</${name}>`;
}

const XML_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => XML_ESCAPES[character] ?? character);
}

/**
 * Drops what neither PNG text (no NUL) nor XML 1.0 may hold: C0 and C1 controls but tab and line feed, the two
 * non-characters of the basic plane; lone surrogates become U+FFFD.
 */
export function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
  return text.toWellFormed().replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/g, '');
}
