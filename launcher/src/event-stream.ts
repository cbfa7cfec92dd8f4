/** An event of a `text/event-stream`. */
export interface StreamedEvent {
  event: string;
  data: string;
}

/**
 * Reads server-sent events from the body of an answer, as the HTML standard defines them ("Server-sent events",
 * interpretation of an event stream).
 */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamedEvent> {
  let pending = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true });
    const blocks = pending.replaceAll('\r\n', '\n').split('\n\n');
    pending = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event) yield event;
    }
  }
}

/** Undefined for a block without data, such as a comment that keeps the connection open. */
function parseBlock(block: string): StreamedEvent | undefined {
  const fields = block.split('\n').map(parseField);
  const data = fields.filter(([name]) => name === 'data').map(([, value]) => value);
  const event = fields.findLast(([name]) => name === 'event')?.[1];
  return data.length === 0 ? undefined : { event: event ?? 'message', data: data.join('\n') };
}

function parseField(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
}
