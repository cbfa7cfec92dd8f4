/** The platform's queue alone: requests and outcomes as guarded appends, without HTTP, pictures and event log. */
import { readFileSync } from 'node:fs';
import { connectBus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { createLog } from '#service-kit/log.js';
import { BenchPlatform } from '../../src/bench-platform.js';
import { aRequest } from '../../src/queue-filler.js';
import type { QueueSystem } from '../../src/queue-system.js';
import { WorkerProcesses } from '../worker-processes.js';

export async function startOwnQueue(slots: number): Promise<QueueSystem> {
  const platform = await BenchPlatform.start();
  // It makes the streams.
  await platform.stopService(await platform.startService('jobs'));
  const bus = await connectBus({
    url: platform.natsUrl,
    credentials: readFileSync(platform.credentialsOf('gateway'), 'utf8'),
    service: 'gateway',
    log: createLog('bench', 'error'),
  });
  const store = new JobStore(bus);
  const environment = { NATS_URL: platform.natsUrl, NATS_CREDS: platform.credentialsOf('sdxl-worker') };
  const workers = await WorkerProcesses.start('peers/own-queue/worker.ts', slots, environment);
  let next = 0;
  return {
    name: 'OurVidz’ queue alone',
    durability: 'sync_interval: always',
    submit: async () => {
      const request = aRequest(next++);
      await store.request(request);
      return request.jobId;
    },
    listen: (listener) => workers.listen(listener),
    close: async () => {
      await workers.stop();
      await bus.close();
      await platform.close();
    },
  };
}
