/**
 * The `data` of server-sent events as they arrive. The subset that chat completion servers use: event names, ids and
 * retry times are left out. https://html.spec.whatwg.org/multipage/server-sent-events.html
 */

const LINE_END = /\r\n|\n|\r(?!$)/;

/** Rejects with `RangeError` when a line is longer than `maxLine` characters, and with what the body rejects with. */
export async function* serverSentData(body: ReadableStream<Uint8Array>, maxLine: number): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(LINE_END);
    rest = lines.pop() ?? '';
    if (rest.length > maxLine) throw new RangeError(`a line of more than ${maxLine} characters`);
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
      if (line !== '' || data.length === 0) continue;
      yield data.join('\n');
      data = [];
    }
  }
}
