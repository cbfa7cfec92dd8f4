import { describe, expect, it } from 'vitest';
import type { JobView } from '#contracts/http/answers.js';
import { choosePort, localUrl } from './api-address.js';
import { assetFiles } from './demonstration.js';
import { readEvents, type StreamedEvent } from './event-stream.js';
import { renderBar } from './progress-display.js';
import { RestartDelay } from './restart-delay.js';

async function eventsOf(...chunks: string[]) {
  const body = async function* () {
    for (const chunk of chunks) yield new TextEncoder().encode(chunk);
  };
  const events: StreamedEvent[] = [];
  for await (const event of readEvents(body())) events.push(event);
  return events;
}

describe('readEvents', () => {
  it('when an event comes in pieces › yields it whole', async () => {
    expect(await eventsOf('retry: 1000\n\nid: 7\neve', 'nt: progress\nda', 'ta: {"percent":5}\n', '\n')).toEqual([
      { event: 'progress', data: '{"percent":5}' },
    ]);
  });

  it('comments › are no events; lines of data › are joined', async () => {
    expect(await eventsOf(': still here\n\ndata: a\r\ndata:b\r\n\r\n')).toEqual([{ event: 'message', data: 'a\nb' }]);
  });

  it('when the stream breaks off › its last, unfinished event is dropped', async () => {
    expect(await eventsOf('event: done\ndata: {}\n')).toEqual([]);
  });
});

describe('assetFiles', () => {
  it('finds the files behind signed addresses, also behind another public address', () => {
    const metadata = { all_assets: ['https://example.org/assets/bucket/account/job/0.png?expires=1&signature=x'] };
    expect(assetFiles({ metadata } as unknown as JobView, '/data/assets')).toEqual([
      '/data/assets/bucket/account/job/0.png',
    ]);
  });
});

describe('renderBar', () => {
  it.each([
    [0, 0],
    [50, 15],
    [100, 30],
    [250, 30],
  ])('at %i percent › %i of 30 blocks', (percent, blocks) => {
    expect(renderBar(percent, 'generating').split('█')).toHaveLength(blocks + 1);
  });
});

describe('RestartDelay', () => {
  it('when a process crashes again and again › doubles up to half a minute', () => {
    const delay = new RestartDelay();
    expect(Array.from({ length: 7 }, () => delay.next(10))).toEqual([1e3, 2e3, 4e3, 8e3, 16e3, 30e3, 30e3]);
  });

  it('when it ran well for a minute › begins anew', () => {
    const delay = new RestartDelay();
    delay.next(10);
    expect([delay.next(60_000), delay.next(10)]).toEqual([1_000, 2_000]);
  });
});

describe('localUrl', () => {
  it.each([
    ['127.0.0.1', 'http://127.0.0.1:3000'],
    ['0.0.0.0', 'http://127.0.0.1:3000'],
    ['::', 'http://[::1]:3000'],
  ])('of %s › %s', (host, url) => {
    expect(localUrl(host, 3000)).toBe(url);
  });
});

describe('choosePort', () => {
  it('when the host is not of this machine › says what to do', async () => {
    await expect(choosePort('192.0.2.1', 3000)).rejects.toThrow(/cannot listen on 192\.0\.2\.1 .*HOST must be/);
  });
});
