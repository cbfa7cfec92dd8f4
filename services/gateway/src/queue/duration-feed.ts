import { JOB_CATALOGUE, type JobType } from '#contracts/job-catalogue.js';
import type { Bus } from '#eventing/bus.js';
import { watchAllJobs } from '#eventing/live.js';
import { ask } from '#eventing/request-reply.js';
import type { JobDurations } from './job-durations.js';

/** How often the log is asked for what was measured before, until it answers. */
const ASK_AGAIN_MS = 10_000;

/** Lets estimates follow what is measured, at all workers: from the log at first, then as jobs are done. Returns what ends it. */
export function feedDurations(bus: Bus, durations: JobDurations): () => void {
  const stops = [
    watchAllJobs(bus, 'completed', ({ data }) => {
      const { bucket } = data.assets[0] ?? {};
      const seconds = (data.timings.generatedMs + data.timings.storedMs) / 1000;
      if (bucket !== undefined && bucket in JOB_CATALOGUE) durations.learn(bucket as JobType, seconds);
    }),
    watchAllJobs(bus, 'enhanced', ({ data }) => durations.learnEnhancement(data.durationMs / 1000)),
    recall(bus, durations),
  ];
  return () => stops.forEach((stop) => void stop());
}

/** Until the jobs service answers, estimates start from the reference's figures. */
function recall(bus: Bus, durations: JobDurations): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const look = async () => {
    try {
      durations.recall(await ask(bus, 'queue.durations', {}));
    } catch (error) {
      bus.log.debug({ err: error }, 'nobody tells how long jobs took before');
      if (!stopped) timer = setTimeout(() => void look(), ASK_AGAIN_MS).unref();
    }
  };
  void look();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
