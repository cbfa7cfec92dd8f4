import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { accountKeyOf, assetIdOf, newJobId } from '#contracts/ids.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { JobNarrator, type Message } from './job-narrator.js';

const JOB_ID = newJobId();
const TIME = '2026-01-01T00:00:00.000Z';
const engine = { engine: 'preview', model: 'preview', version: '1', device: 'cpu' };

function asset(index: number): StoredAsset {
  const key = `sdxl_image_fast/${accountKeyOf('alice')}/${JOB_ID}/${index}.png`;
  const sha256 = String(index).repeat(64);
  const size = { bytes: 1, width: 1024, height: 1024 };
  const facts = { bucket: 'sdxl_image_fast', mediaType: 'image/png', seed: index, storedAt: TIME };
  return { id: assetIdOf(JOB_ID, index), index, key, sha256, ...size, ...facts };
}

/** A whole job as the stream has it, each event with its sequence. */
function history(pictures: number): JobHistoryEvent[] {
  const entry = JOB_CATALOGUE.sdxl_image_fast;
  const requested = {
    ...{
      jobId: JOB_ID,
      userId: 'alice',
      accountKey: accountKeyOf('alice'),
      jobType: entry.jobType,
      lane: 'interactive',
    },
    ...{ prompt: { text: 'x' }, config: entry.config, seeds: [1, 2, 3, 4, 5, 6], bucket: entry.bucket, credits: 1 },
    clientMetadata: {},
  };
  const assets = Array.from({ length: pictures }, (_, index) => asset(index));
  const stored = assets.map((_, index) => ({
    type: 'AssetStored',
    data: { jobId: JOB_ID, attempt: 1, assets: assets.slice(0, index + 1) },
  }));
  const completed = {
    jobId: JOB_ID,
    attempt: 1,
    assets: assets.map((each) => ({ ...each, url: each.key })),
    missing: [],
    engine,
  };
  const timings = { waitedMs: 1, generatedMs: 1, storedMs: 1 };
  const events = [
    { type: 'JobRequested', data: requested },
    { type: 'JobStarted', data: { jobId: JOB_ID, attempt: 1, worker: 'w', engine } },
    ...stored,
    { type: 'JobCompleted', data: { ...completed, primaryAsset: 'x', timings } },
  ];
  return events.map((event, at) => ({ ...event, id: `e${at}`, time: TIME, sequence: 10 + at * 3 }) as JobHistoryEvent);
}

/** What the stream gives for a fold: the last event of each type. */
function folded(events: readonly JobHistoryEvent[]): JobHistoryEvent[] {
  return events.filter(({ type }, at) => events.findLastIndex((other) => other.type === type) === at);
}

function narrate(tell: (narrator: JobNarrator) => void): Message[] {
  const messages: Message[] = [];
  tell(new JobNarrator((message) => messages.push(message)));
  return messages;
}

const told = (messages: Message[]) => messages.flatMap(({ asset: each }) => (each ? [each.index] : []));

describe('a client', () => {
  it('that comes at any moment and hears events in any overlap is told each once, in order', () => {
    fc.assert(
      fc.property(fc.nat(8), fc.array(fc.nat(8)), (foldedAt, repeats) => {
        const events = history(6);
        const messages = narrate((narrator) => {
          narrator.begin(folded(events.slice(0, foldedAt + 1)));
          for (const at of repeats.filter((each) => each <= foldedAt)) narrator.take(events[at] as JobHistoryEvent);
          for (const event of events.slice(foldedAt)) narrator.take(event);
        });
        expect(messages[0]?.event).toBe('status');
        expect(told(messages)).toEqual([0, 1, 2, 3, 4, 5]);
        expect(messages.filter(({ event }) => event === 'done')).toHaveLength(1);
        expect(messages.at(-1)).toMatchObject({ event: 'done', id: events.at(-1)?.sequence });
      }),
    );
  });

  it('that leaves after any message resumes there without a gap', () => {
    fc.assert(
      fc.property(fc.nat(8), fc.nat(30), (foldedAt, heard) => {
        const events = history(6);
        const first = narrate((narrator) => {
          narrator.begin(folded(events.slice(0, foldedAt + 1)));
          for (const event of events.slice(foldedAt + 1)) narrator.take(event);
        }).slice(0, heard + 1);
        const last = first.findLast(({ id }) => id !== undefined)?.id ?? 0;
        const rest = narrate((narrator) => narrator.resume(events, last));
        expect(new Set([...told(first), ...told(rest)])).toEqual(new Set([0, 1, 2, 3, 4, 5]));
        const behind = events.map(({ sequence }) => sequence).filter((sequence) => sequence > last);
        const ids = rest.filter(({ event }) => event !== 'done').flatMap(({ id }) => id ?? []);
        expect(ids).toEqual(behind);
        expect(rest.at(-1)?.event).toBe('done');
      }),
    );
  });

  it('is not told of deleted pictures', () => {
    const deleted = { jobId: JOB_ID, assetId: assetIdOf(JOB_ID, 1), index: 1, key: 'x', deletedBy: 'alice' };
    const deletion = { type: 'AssetDeleted', id: 'd', time: TIME, sequence: 100, data: deleted } as JobHistoryEvent;
    const messages = narrate((narrator) => narrator.begin([...folded(history(3)), deletion]));
    expect(told(messages)).toEqual([0, 2]);
  });
});
