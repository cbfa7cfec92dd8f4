import type { Cluster } from './text-layout.js';

/** Puts one line's clusters into the order in which they are drawn from left to right. */
type VisualOrder = (line: readonly Cluster[]) => readonly Cluster[];

/** The direction of a text and how its lines are ordered. */
export interface WritingDirection {
  readonly rightToLeft: boolean;
  readonly order: VisualOrder;
}

const LEFT_TO_RIGHT: WritingDirection = { rightToLeft: false, order: (line) => line };

const RIGHT_TO_LEFT_SCRIPT =
  /[\p{sc=Hebrew}\p{sc=Arabic}\p{sc=Syriac}\p{sc=Thaana}\p{sc=Nko}\p{sc=Adlam}\p{sc=Samaritan}\p{sc=Mandaic}]/u;

/** Loads the bidirectional algorithm only for texts that need it. */
export async function writingDirectionOf(text: string): Promise<WritingDirection> {
  if (!RIGHT_TO_LEFT_SCRIPT.test(text)) return LEFT_TO_RIGHT;
  const { default: bidiModule } = await import('bidi-js');
  // Its types describe an ES module; what Node loads is the CommonJS one, which is the factory itself.
  const bidi = (bidiModule as unknown as typeof bidiModule.default)();
  const base = (bidi.getEmbeddingLevels(text).paragraphs[0]?.level ?? 0) % 2 === 1 ? 'rtl' : 'ltr';
  const order: VisualOrder = (line) => {
    const letters = line.map((cluster) => standIn(cluster.base)).join('');
    const indices = bidi.getReorderedIndices(letters, bidi.getEmbeddingLevels(letters, base));
    return indices.flatMap((index) => line[index] ?? []);
  };
  return { rightToLeft: base === 'rtl', order };
}

/** One code unit per cluster, so that the algorithm's indices are ours; U+FFFC is neutral, as an emoji is. */
function standIn(base: string): string {
  return base.length === 1 ? base : '\ufffc';
}
