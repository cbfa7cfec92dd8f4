import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { EventStream } from './event-stream.js';

describe('a stream of events', () => {
  it('is text as browsers read it', async () => {
    const stream = new EventStream();
    stream.send('status', { a: 'line\nbreak' }, 7);
    stream.send('progress', 1);
    stream.heartbeat();
    stream.end();
    expect(await text(stream.body)).toBe(
      'retry: 1000\n\nid: 7\nevent: status\ndata: {"a":"line\\nbreak"}\n\nevent: progress\ndata: 1\n\n: still here\n\n',
    );
  });

  it('of a client that does not read loses progress first, then the client', () => {
    const stream = new EventStream();
    let closed = false;
    stream.onClose(() => {
      closed = true;
    });
    stream.send('status', 'x'.repeat(100_000), 1);
    const before = stream.body.readableLength;
    stream.sendUnlessCongested('progress', 1);
    expect(stream.body.readableLength).toBe(before);
    for (let at = 0; at < 20; at += 1) stream.send('status', 'x'.repeat(100_000), at);
    expect(stream.body.destroyed).toBe(true);
    stream.send('status', 'late');
    stream.end();
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => expect(closed).toBe(true));
  });
});
