/** One server-sent event. */
export interface ServerSentEvent {
  id: string;
  event: string;
  data: Record<string, unknown>;
}

/** Reads the server-sent events of a response, up to its end. Comments are left out. */
export async function* serverSentEvents(response: Response): AsyncGenerator<ServerSentEvent> {
  if (!response.body) throw new Error('The response has no body');
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = parse(text.slice(0, end));
      text = text.slice(end + 2);
      if (event) yield event;
    }
  }
}

function parse(block: string): ServerSentEvent | undefined {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
  const data = fields.get('data');
  return data
    ? { id: fields.get('id') ?? '', event: fields.get('event') ?? 'message', data: JSON.parse(data) }
    : undefined;
}
