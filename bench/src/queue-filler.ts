/** Puts jobs into the queue in numbers, by the same guarded append as the gateway. */
import { readFileSync } from 'node:fs';
import type { JobRequested } from '#contracts/events/job-events.js';
import { accountKeyOf, newJobId } from '#contracts/ids.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { connectBus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { createLog } from '#service-kit/log.js';
import type { BenchPlatform } from './bench-platform.js';

const AT_ONCE = 256;
const USERS = 50;

/** Stores `jobs` requests of one picture each, while the server does not flush every one of them. */
export async function fillQueue(platform: BenchPlatform, jobs: number): Promise<void> {
  await platform.whileFast(async () => {
    const credentials = readFileSync(platform.credentialsOf('gateway'), 'utf8');
    const log = createLog('bench', 'error');
    const bus = await connectBus({ url: platform.natsUrl, credentials, service: 'gateway', log });
    const store = new JobStore(bus);
    let left = jobs;
    const fill = async () => {
      while (left > 0) {
        left -= 1;
        await store.request(aRequest(left));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, fill));
    await bus.close();
  });
}

/** A request as the gateway makes it. */
export function aRequest(number: number): JobRequested {
  const userId = `user-${number % USERS}`;
  const { config, bucket, credits } = JOB_CATALOGUE.sdxl_image_fast;
  return {
    ...{ jobId: newJobId(), userId, accountKey: accountKeyOf(userId), jobType: 'sdxl_image_fast' },
    ...{ lane: 'interactive', prompt: { text: `A quiet harbour at dawn, fishing boats, number ${number}` } },
    ...{ negativePrompt: { text: 'bad anatomy, deformed hands, blurry, low quality, watermark' } },
    ...{ config: { ...config }, seeds: [number], bucket, credits, clientMetadata: {} },
  };
}
