import fc from 'fast-check';
import { validate as isAnyUuid, version } from 'uuid';
import { describe, expect, it } from 'vitest';
import {
  accountKeyOf,
  assetIdOf,
  assetKey,
  assetPath,
  isUuid,
  jobIdForKey,
  newEventId,
  newJobId,
  newProjectId,
  parseAssetId,
  projectIdForKey,
} from '#contracts/ids.js';
import { JOB_CATALOGUE, JOB_TYPES } from '#contracts/job-catalogue.js';
import { CONSUMERS, ENGINES, ROUTE_ENGINES, STREAMS, workConsumer, workFilters } from '#contracts/streams.js';
import {
  assetFilter,
  assetSubject,
  jobFilter,
  jobSubject,
  LANES,
  liveSubject,
  parseJobSubject,
  projectSubject,
  ROUTES,
} from '#contracts/subjects.js';

describe('ids', () => {
  it('of new jobs and events › are UUIDv7, those of jobs with room for assets', () => {
    expect([version(newJobId()), version(newEventId())]).toEqual([7, 7]);
    expect(newJobId()).toMatch(/0$/);
    expect(new Set(Array.from({ length: 1_000 }, newJobId)).size).toBe(1_000);
  });

  it('for an idempotency key › are a UUIDv8 that account and key decide', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'grapheme' }), (user, key) => {
        const id = jobIdForKey(accountKeyOf(user), key);
        expect(isAnyUuid(id) && isUuid(id) && version(id)).toBe(8);
        expect(id).toMatch(/0$/);
        expect(jobIdForKey(accountKeyOf(user), key)).toBe(id);
        expect(jobIdForKey(accountKeyOf(`${user}x`), key)).not.toBe(id);
        expect(jobIdForKey(accountKeyOf(user), `${key}x`)).not.toBe(id);
      }),
    );
  });

  it('of assets › lead back to job and index', () => {
    for (const jobId of [newJobId(), jobIdForKey('a', 'b')])
      for (let index = 0; index < 6; index++) {
        const id = assetIdOf(jobId, index);
        expect(isUuid(id)).toBe(true);
        expect(parseAssetId(id)).toEqual({ jobId, index });
      }
    for (const index of [-1, 6, 0.5, Number.NaN]) expect(() => assetIdOf(newJobId(), index)).toThrow(RangeError);
  });

  it('that no asset has › are told apart', () => {
    const jobId = newJobId();
    for (const id of [
      jobId,
      `${jobId.slice(0, -1)}7`,
      `${jobId.slice(0, -1)}f`,
      '',
      'x',
      `${jobId.slice(0, -1)}G`,
      jobId.toUpperCase(),
    ])
      expect(parseAssetId(id)).toBeUndefined();
  });

  it('of projects › are derived from a key, and no job has the same', () => {
    expect(isUuid(newProjectId())).toBe(true);
    const [one, again, other] = [projectIdForKey('a', 'b'), projectIdForKey('a', 'b'), projectIdForKey('b', 'b')];
    expect([isUuid(one), again, other === one]).toEqual([true, one, false]);
    expect(one.slice(0, -1)).not.toBe(jobIdForKey('a', 'b').slice(0, -1));
    expect(projectSubject('a', one)).toBe(`ourvidz.project.a.${one}`);
  });

  it('of accounts › are safe as a token and a folder, whatever the user’s name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (user) => void expect(accountKeyOf(user)).toMatch(/^[0-9a-f]{32}$/)),
    );
    const at = {
      bucket: 'image_fast',
      accountKey: accountKeyOf('../a'),
      jobId: newJobId(),
      index: 0,
      extension: 'png',
    };
    expect(assetPath(assetKey(at))).toBe(`/assets/image_fast/${at.accountKey}/${at.jobId}/0.png`);
  });
});

describe('subjects', () => {
  it('of a job › are matched by its filter and parsed again', () => {
    const jobId = newJobId();
    for (const route of ROUTES)
      for (const lane of LANES) {
        const subject = jobSubject(route, lane, 'started', jobId);
        expect(subject).toBe(`ourvidz.job.${route}.${lane}.started.${jobId}`);
        expect(parseJobSubject(subject)).toEqual({ route, lane, event: 'started', jobId });
        expect(matches(jobFilter(jobId), subject)).toBe(true);
        expect(matches(jobFilter(newJobId()), subject)).toBe(false);
      }
    expect(matches(assetFilter(jobId), assetSubject('deleted', jobId, 3))).toBe(true);
  });

  it('of other things › are not parsed as a job’s', () => {
    for (const subject of [
      '',
      'ourvidz.job.sdxl.bulk.started',
      'ourvidz.asset.deleted.x.0',
      'x.job.a.b.c.d',
      'ourvidz.job.a.b.c.d.e',
    ])
      expect(parseJobSubject(subject)).toBeUndefined();
  });

  it('live ones › are where the stream republishes', () => {
    expect(liveSubject('ourvidz.job.*.*.*.x')).toBe('ourvidz.live.job.*.*.*.x');
  });
});

describe('streams and consumers', () => {
  it('no two streams take the same subject', () => {
    const all = STREAMS.flatMap((stream) => stream.subjects);
    for (const one of all)
      for (const other of all) if (one !== other) expect(overlap(one, other), `${one} ${other}`).toBe(false);
  });

  it('names are unique, and what a consumer takes is in its stream', () => {
    expect(new Set(CONSUMERS.map((consumer) => consumer.name)).size).toBe(CONSUMERS.length);
    for (const consumer of CONSUMERS) {
      const stream = STREAMS.find(({ name }) => name === consumer.stream);
      for (const filter of consumer.filters)
        expect(
          stream?.subjects.some((subject) => overlap(subject, filter)),
          consumer.name,
        ).toBe(true);
    }
  });

  it.each(JOB_TYPES)('a request of %s › is taken by exactly one engine, in its lane', (jobType) => {
    const { route } = JOB_CATALOGUE[jobType];
    for (const lane of LANES) {
      const subject = jobSubject(route, lane, 'requested', newJobId());
      const takers = CONSUMERS.filter(({ filters }) => filters.some((filter) => matches(filter, subject)));
      expect(takers).toEqual([workConsumer(ROUTE_ENGINES[route][0] ?? 'sdxl', lane)]);
    }
  });

  it('an enhanced job › goes on to wan, and the lanes of an engine are all its work', () => {
    const subject = jobSubject('wan-enhanced', 'bulk', 'enhanced', newJobId());
    expect(workConsumer('wan', 'bulk').filters.some((filter) => matches(filter, subject))).toBe(true);
    for (const engine of ENGINES)
      for (const lane of LANES)
        for (const filter of workFilters(engine, lane))
          expect(workFilters(engine, '*').some((all) => overlap(all, filter))).toBe(true);
  });
});

/** Whether a subject without wildcards is one that the filter takes. */
function matches(filter: string, subject: string): boolean {
  return overlap(filter, subject);
}

/** Whether some subject is taken by both. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [one.split('.'), other.split('.')];
  for (let at = 0; ; at++) {
    const [x, y] = [a[at], b[at]];
    if (x === undefined || y === undefined) return x === y;
    if (x === '>' || y === '>') return true;
    if (x !== y && x !== '*' && y !== '*') return false;
  }
}
