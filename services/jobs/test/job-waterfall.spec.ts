import { expect, test } from 'vitest';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import { waterfall } from '../src/event-log/job-waterfall.js';

const START = Date.parse('2026-01-02T03:04:05.000Z');
const at = (ms: number) => new Date(START + ms);

function event(type: JobHistoryEvent['type'], ms: number, data: object = {}): JobHistoryEvent {
  return { type, id: type, sequence: ms, time: at(ms).toISOString(), data } as unknown as JobHistoryEvent;
}

const completed = (ms: number, timings: object) => event('JobCompleted', ms, { timings: { waitedMs: 0, ...timings } });

test.each<[string, JobHistoryEvent[], [string, number, number][]]>([
  ['nothing is known', [], []],
  ['it waits', [event('JobRequested', 0)], [['waited', 0, 9_000]]],
  [
    'it is worked on',
    [event('JobRequested', 0), event('JobStarted', 2_000)],
    [
      ['waited', 0, 2_000],
      ['worked', 2_000, 7_000],
    ],
  ],
  [
    'it is completed',
    [
      event('JobRequested', 0),
      event('JobStarted', 1_000),
      completed(8_000, { generatedMs: 6_500, loadedMs: 2_000, storedMs: 500 }),
    ],
    [
      ['waited', 0, 1_000],
      ['loaded', 1_000, 2_000],
      ['generated', 3_000, 4_500],
      ['uploaded', 7_500, 500],
    ],
  ],
  [
    'its prompt was enhanced, and a worker was lost',
    [
      event('JobRequested', 0),
      event('PromptEnhanced', 1_000, { durationMs: 700 }),
      event('JobStarted', 1_500),
      event('JobStarted', 3_500),
      completed(5_000, { generatedMs: 1_500, storedMs: 0 }),
    ],
    [
      ['waited', 0, 300],
      ['enhanced', 300, 700],
      ['waited', 1_000, 500],
      ['lost', 1_500, 2_000],
      ['generated', 3_500, 1_500],
    ],
  ],
  ['it was cancelled while it waited', [event('JobRequested', 0), event('JobCancelled', 400)], [['waited', 0, 400]]],
  [
    'it failed',
    [event('JobRequested', 0), event('JobStarted', 100), event('JobFailed', 400), event('AssetDeleted', 800)],
    [
      ['waited', 0, 100],
      ['worked', 100, 300],
    ],
  ],
  [
    'the clock of its worker ran ahead, and it measured more than there was',
    [
      event('JobRequested', 0),
      event('JobStarted', 500),
      completed(400, { generatedMs: 9, loadedMs: 9_999, storedMs: 9_999 }),
    ],
    [['waited', 0, 500]],
  ],
])('when %s › its spans are told', (_, history, spans) => {
  expect(waterfall(history, at(9_000)).map(({ phase, from, ms }) => [phase, from, ms])).toEqual(spans);
});
