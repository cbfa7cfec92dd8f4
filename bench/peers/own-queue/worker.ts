/** The platform's own queue as the peers are measured: no picture, two guarded appends, JobStarted and JobCompleted. */
import { readFileSync } from 'node:fs';
import type { Job } from '#contracts/domain/job.js';
import { foldJob } from '#contracts/domain/job.js';
import { type Decision, startJob } from '#contracts/domain/job-decisions.js';
import { connectBus } from '#eventing/bus.js';
import type { Delivery } from '#eventing/delivery.js';
import { done, type Handled, reject } from '#eventing/handled.js';
import { JobStore } from '#eventing/job-store.js';
import { runWorkSlot } from '#eventing/work-queue.js';
import { createLog } from '#service-kit/log.js';
import { announce, begun, ended, setting } from '../reporter.js';

const IDENTITY = { engine: 'none', model: 'none', version: '1', device: 'cpu' };
const TIMINGS = { waitedMs: 0, generatedMs: 0, storedMs: 0 };

const bus = await connectBus({
  url: setting('NATS_URL'),
  credentials: readFileSync(setting('NATS_CREDS'), 'utf8'),
  service: 'sdxl-worker',
  log: createLog('bench', 'error'),
});
const store = new JobStore(bus);

async function handle(delivery: Delivery): Promise<Handled> {
  const event = delivery.event();
  if (event?.type !== 'JobRequested') return reject('not a request');
  const { jobId } = event.data;
  const start = (job: Job | undefined) => startJob(job, { worker: 'bench', engine: IDENTITY });
  const { job } = await store.execute(jobId, start, { known: foldJob([event]) });
  begun(jobId);
  await store.execute(jobId, complete, { known: job });
  ended();
  return done();
}

function complete(job: Job | undefined): Decision {
  const { jobId, attempt } = job?.started ?? { jobId: '', attempt: 1 };
  const data = { jobId, attempt, assets: [], primaryAsset: '', timings: TIMINGS, engine: IDENTITY, missing: [] };
  return { decided: 'append', event: { type: 'JobCompleted', data } };
}

announce();
await runWorkSlot(bus, 'sdxl', handle, new AbortController().signal);
