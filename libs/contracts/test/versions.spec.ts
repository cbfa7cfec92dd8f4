import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { type AccountEvent, foldAccount } from '#contracts/domain/account.js';
import { foldJob } from '#contracts/domain/job.js';
import { type ProjectEvent, projectOf } from '#contracts/domain/project.js';
import { EVENT_CLASSES } from '#contracts/events/event-classes.js';
import {
  type AccountEventData,
  CLOUD_EVENT_TYPES,
  type EventType,
  JOB_HISTORY_TYPES,
  type JobHistoryEvent,
  type Recorded,
} from '#contracts/events/registry.js';
import { currentVersion, isKnownVersion, storedTypes } from '#contracts/events/versions.js';
import { type GoldenEvent, goldenFiles, goldenHistory } from './golden-events.js';

const files = goldenFiles();
const golden = [...files.values()].flat();
const named = golden.map((event) => [`${event.cloudEventType} ${event.stream} ${event.sequence}`, event] as const);
const ACCOUNT_TYPES: readonly (keyof AccountEventData)[] = [
  'CreditsGranted',
  'CreditsReserved',
  'CreditsCharged',
  'CreditsReleased',
];

describe('the golden files', () => {
  it('are one for each version of each event', () => {
    const types = Object.keys(CLOUD_EVENT_TYPES) as EventType[];
    expect([...files.keys()].sort()).toEqual(types.flatMap(storedTypes).sort());
  });

  it.each(named)('%s › is read as the current version of its event', (_name, { cloudEventType, data }) => {
    const event = currentVersion(cloudEventType, data);
    expect(event && problems(event.type, event.data)).toEqual([]);
  });

  it.each(Object.keys(CLOUD_EVENT_TYPES) as EventType[])('%s › every version tells the same events', (type) => {
    const [newest, ...older] = storedTypes(type).map((stored) => (files.get(stored) ?? []).map(recorded));
    for (const events of older) expect(events).toEqual(newest);
  });
});

describe.each(['oldest', 'newest'] as const)('the golden history in the %s versions', (which) => {
  const history = goldenHistory(which).map(recorded);
  const jobs = Map.groupBy(
    history.filter((event): event is JobHistoryEvent => isOneOf(JOB_HISTORY_TYPES, event)),
    ({ data }) => data.jobId,
  );
  const folded = [...jobs.values()].map(foldJob);

  it('tells the same jobs as ever', () => {
    expect(folded.map((job) => [job?.status, job?.assets.length, job?.deletedIndexes, job?.favoriteIndexes])).toEqual([
      ['completed', 2, [1], [0]],
      ['completed', 1, [], undefined],
      ['cancelled', 0, [], undefined],
      ['failed', 0, [], undefined],
      ['failed', 1, [], undefined],
      ['queued', 0, [], undefined],
    ]);
    const failures = folded.flatMap((job) => (job?.status === 'failed' ? [job.failed] : []));
    expect(failures.map(({ code, attempt }) => [code, attempt])).toEqual([
      ['max_deliveries', undefined],
      ['engine_failed', 2],
    ]);
  });

  it('tells the same account and project as ever', () => {
    const ledger = history.filter((event): event is AccountEvent => isOneOf(ACCOUNT_TYPES, event));
    const [key = ''] = ledger.map(({ data }) => data.accountKey);
    expect(foldAccount(key, ledger)).toMatchObject({ balance: 87, lastKeyedGrant: 2, sequence: 17 });
    expect(Object.values(foldAccount(key, ledger).reservations)).toEqual([3]);
    const projects = history.filter((event): event is ProjectEvent => event.type.startsWith('Project'));
    expect(projects.map(projectOf).map((project) => project?.enhancedPrompt?.text)).toEqual([
      'a lighthouse at dawn',
      undefined,
      undefined,
    ]);
  });
});

describe('currentVersion', () => {
  const upcasters = new Map<string, (data: object) => Record<string, unknown>>([
    ['com.ourvidz.job.failed.v0', (data: object) => ({ ...data, one: 1 })],
    ['com.ourvidz.job.failed.v1', (data: object) => ({ ...data, two: 2 })],
  ]);

  it('goes from version to version up to the current one', () => {
    const event = currentVersion('com.ourvidz.job.failed.v0', { zero: 0 }, upcasters);
    expect(event).toEqual({ type: 'JobFailed', data: { zero: 0, one: 1, two: 2 } });
  });

  it('leaves what was stored as it is', () => {
    const stored = Object.freeze({ attempt: 0, code: 'x' });
    expect(currentVersion('com.ourvidz.job.failed.v1', stored)).toEqual({ type: 'JobFailed', data: { code: 'x' } });
    expect(stored).toEqual({ attempt: 0, code: 'x' });
  });

  it.each(['com.ourvidz.job.failed.v99', 'com.ourvidz.job.paused.v1', 'com.ourvidz.job.failed', '', 'constructor'])(
    'of "%s" › there is none',
    (cloudEventType) => {
      expect(currentVersion(cloudEventType, {})).toBeUndefined();
      expect(isKnownVersion(cloudEventType)).toBe(false);
    },
  );

  it.each([null, undefined, 'text', 7, [], { attempt: 'x' }])('%o in place of data › does no harm', (data) => {
    expect(currentVersion('com.ourvidz.job.failed.v1', data)).toMatchObject({ type: 'JobFailed' });
  });
});

function recorded({ cloudEventType, data, id, time, sequence }: GoldenEvent): Recorded {
  const event = currentVersion(cloudEventType, data);
  if (!event) throw new Error(`${cloudEventType} is not known`);
  return { ...event, id, time, sequence } as Recorded;
}

function isOneOf(types: readonly EventType[], event: Recorded): boolean {
  return types.includes(event.type);
}

function problems(type: EventType, data: object): string[] {
  const payload = plainToInstance(EVENT_CLASSES[type] as new () => object, data);
  return validateSync(payload, { whitelist: true, forbidNonWhitelisted: true }).map((error) => error.property);
}
