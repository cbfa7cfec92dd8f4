/** The figures of the jobs service beside their targets, which are the reference's. */
import type {
  EndedJobs,
  FailureCount,
  JobTypeSummary,
  Measure,
  MetricsSummary,
  PhaseSeconds,
  QueuesNow,
} from '#contracts/http/operations.js';
import { JOB_CATALOGUE, JOB_TYPES, type JobType, QUEUE_NAMES } from '#contracts/job-catalogue.js';
import type { JobPhase, OperationsSummary } from '#contracts/queries.js';
import type { QueueGauge } from '../queue/queue-gauge.js';

const TARGETS = { successRate: 0.95, queueWaitSeconds: 300, queueDepth: 10, apiResponseMs: 500 };

/** `apiResponseMs`: what 95% of the answers kept within; null while there was none. */
export function metricsSummary(
  summary: OperationsSummary,
  gauge: Pick<QueueGauge, 'isFresh' | 'numbers'>,
  apiResponseMs: number | null,
): MetricsSummary {
  const queues = gauge.isFresh ? queuesNow(gauge) : null;
  const jobs = endedOf(summary.outcomes);
  const waited = phaseOf(summary, null, 'waited');
  return {
    since: summary.since,
    targets: {
      success_rate: above(successRateOf(jobs), TARGETS.successRate),
      queue_wait_seconds: below(waited?.longest ?? null, TARGETS.queueWaitSeconds),
      queue_depth: below(queues && depthOf(queues), TARGETS.queueDepth),
      api_response_ms: below(apiResponseMs, TARGETS.apiResponseMs),
    },
    jobs,
    failures: failuresOf(summary),
    waited,
    job_types: JOB_TYPES.map((jobType) => jobTypeSummary(summary, jobType)),
    by_hour: summary.hours,
    queues,
  };
}

function jobTypeSummary(summary: OperationsSummary, jobType: JobType): JobTypeSummary {
  const ended = endedOf(summary.outcomes.filter((outcome) => outcome.jobType === jobType));
  const waited = phaseOf(summary, jobType, 'waited');
  const generated = phaseOf(summary, jobType, 'generated');
  const stored = phaseOf(summary, jobType, 'stored');
  const made = generated && stored && rounded(generated.average + stored.average);
  const { referenceSeconds } = JOB_CATALOGUE[jobType];
  const measures = { waited, generated, stored, made_seconds: below(made, referenceSeconds) };
  return { job_type: jobType, ...ended, success_rate: successRateOf(ended), ...measures };
}

function endedOf(outcomes: OperationsSummary['outcomes']): EndedJobs {
  const ended = { completed: 0, failed: 0, cancelled: 0 };
  for (const { outcome, jobs } of outcomes) ended[outcome] += jobs;
  return ended;
}

/** Who cancels a job says nothing about how it would have ended. */
function successRateOf({ completed, failed }: EndedJobs): number | null {
  return completed + failed === 0 ? null : completed / (completed + failed);
}

function failuresOf({ outcomes }: OperationsSummary): FailureCount[] {
  const counts = new Map<string, number>();
  for (const { outcome, code, jobs } of outcomes) {
    if (outcome === 'failed') counts.set(code, (counts.get(code) ?? 0) + jobs);
  }
  return [...counts].map(([error_code, jobs]) => ({ error_code, jobs })).sort((a, b) => b.jobs - a.jobs);
}

function phaseOf({ durations }: OperationsSummary, jobType: JobType | null, phase: JobPhase): PhaseSeconds | null {
  const seconds = durations.find((duration) => duration.jobType === jobType && duration.phase === phase)?.seconds;
  if (!seconds) return null;
  const { average, median, p95, longest } = seconds;
  return { average: rounded(average), median: rounded(median), p95: rounded(p95), longest: rounded(longest) };
}

function queuesNow(gauge: Pick<QueueGauge, 'numbers'>): QueuesNow {
  return Object.fromEntries(QUEUE_NAMES.map((queue) => [queue, gauge.numbers(queue)])) as unknown as QueuesNow;
}

function depthOf(queues: QueuesNow): number {
  return QUEUE_NAMES.reduce((sum, queue) => sum + queues[queue].waiting + queues[queue].processing, 0);
}

function above(actual: number | null, target: number): Measure {
  return { actual, target, met: actual === null ? null : actual > target };
}

function below(actual: number | null, target: number): Measure {
  return { actual, target, met: actual === null ? null : actual < target };
}

/** To milliseconds. */
function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
