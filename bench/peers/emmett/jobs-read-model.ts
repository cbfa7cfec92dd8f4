/** The jobs, as users of emmett would project them: one document a job, rebuilt by emmett's own rebuild. */
import { evolve, type Job } from '#contracts/domain/job.js';
import { eventTypeOf, JOB_HISTORY_TYPES, type JobHistoryEvent } from '#contracts/events/registry.js';
import { JOB_STREAM } from '#contracts/streams.js';
import { inBatches } from '../../../services/jobs/test/made-up-log.js';
import type { StreamedEvent } from '../../../test/support/seeded-journal.js';
import { madeUpHistory } from '../../src/log-filler.js';
import type { EmmettEvent, EmmettPostgres } from './located.js';

const BATCH = 2_000;

/**
 * Stores the events of jobs of the made-up history, a stream for each job; resolves with their number. One append after the
 * other: of those that overlap, emmett's consumer passes over some.
 */
export async function fillEmmett(emmett: EmmettPostgres, url: string, events: number): Promise<number> {
  const store = emmett.getPostgreSQLEventStore(url);
  await store.schema.migrate();
  let stored = 0;
  for (const batch of inBatches(madeUpHistory(events), BATCH)) {
    const ofJobs = batch.filter(({ stream }) => stream === JOB_STREAM.name);
    const streams = Map.groupBy(ofJobs, ({ raw }) => raw.subjectId);
    for (const [jobId, own] of streams) await store.appendToStream(jobId, own.map(emmettEvent));
    stored += ofJobs.length;
  }
  await store.close();
  return stored;
}

function emmettEvent({ raw: { id, cloudEventType, time, sequence, data } }: StreamedEvent): EmmettEvent {
  return { type: eventTypeOf(cloudEventType) ?? '', data, metadata: { id, time, sequence } };
}

/** Emmett's own settings: it takes 100 events at once, and waits for 50 ms before it takes more. */
export const AS_IT_COMES = { batchSize: 100, pullingFrequencyInMs: 50 };
/** Without the wait, and in portions as large as make sense. */
export const HURRIED = { batchSize: 1_000, pullingFrequencyInMs: 0 };

/**
 * Builds the collection from the beginning.
 *
 * @param collection one that was never built: a second rebuild of the same empties it and reads on behind its checkpoint
 */
export async function rebuildWithEmmett(
  emmett: EmmettPostgres,
  url: string,
  { collection, pulling }: { collection: string; pulling: typeof HURRIED },
): Promise<void> {
  const jobs = emmett.pongoSingleStreamProjection<Job>({
    collectionName: collection,
    canHandle: JOB_HISTORY_TYPES,
    evolve: (job, { type, data, metadata }) =>
      evolve(job ?? undefined, { type, data, ...metadata } as JobHistoryEvent) ?? null,
  });
  const rebuilding = emmett.rebuildPostgreSQLProjections({ connectionString: url, projections: [jobs], pulling });
  await rebuilding.start();
  await rebuilding.close();
}
