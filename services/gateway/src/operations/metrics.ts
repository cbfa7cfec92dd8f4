import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { QUEUE_NAMES } from '#contracts/job-catalogue.js';
import type { LiveJobs } from '../jobs/live-jobs.js';
import type { QueueGauge } from '../queue/queue-gauge.js';

const API_QUANTILE = 0.95;
/** Whoever asks these waits for something to happen. */
const WAITING_ROUTES: readonly string[] = ['/api/jobs/:id/events', '/api/worker/claim'];

/** The gateway's numbers in Prometheus' form. */
export class Metrics {
  readonly registry = new Registry();
  private readonly durations = new Histogram({
    name: 'ourvidz_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });

  constructor(gauge: QueueGauge, liveJobs: LiveJobs) {
    collectDefaultMetrics({ register: this.registry });
    this.addQueueDepth(gauge);
    this.addStreams(liveJobs);
  }

  observe(request: FastifyRequest, reply: FastifyReply): void {
    // The template, never the address itself: ids would make a series each.
    const route = request.routeOptions.url ?? 'none';
    this.durations.labels(request.method, route, String(reply.statusCode)).observe(reply.elapsedTime / 1000);
  }

  /** Milliseconds that 95% of the API's answers kept within since the start; null while there was none. */
  async apiResponseMs(): Promise<number | null> {
    const { values } = await this.durations.get();
    const counts = new Map<number, number>();
    for (const { labels, value, metricName } of values) {
      if (!metricName?.endsWith('_bucket') || !isOfApi(String(labels.route))) continue;
      const { le } = labels as { le?: number | '+Inf' };
      const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
      counts.set(bound, (counts.get(bound) ?? 0) + value);
    }
    const seconds = quantile([...counts], API_QUANTILE);
    return seconds === null ? null : Math.round(seconds * 10_000) / 10;
  }

  private addQueueDepth(gauge: QueueGauge): void {
    new Gauge({
      name: 'ourvidz_queue_jobs',
      help: 'Jobs of a queue that are not finished',
      labelNames: ['queue', 'state'],
      registers: [this.registry],
      collect() {
        for (const queue of QUEUE_NAMES) {
          const { waiting, processing } = gauge.numbers(queue);
          this.set({ queue, state: 'waiting' }, waiting);
          this.set({ queue, state: 'processing' }, processing);
        }
      },
    });
  }

  private addStreams(liveJobs: LiveJobs): void {
    new Gauge({
      name: 'ourvidz_event_stream_clients',
      help: 'Clients that watch a job now',
      registers: [this.registry],
      collect() {
        this.set(liveJobs.clientCount);
      },
    });
  }
}

/** Files take as long as they are large. */
function isOfApi(route: string): boolean {
  return route.startsWith('/api/') && !WAITING_ROUTES.includes(route);
}

/**
 * As Prometheus has it: straight lines between the bounds. `buckets`: each bound with how many are not above it, the last
 * one infinite; what lies beyond the last bound is told as that bound.
 */
export function quantile(buckets: readonly (readonly [bound: number, upTo: number])[], share: number): number | null {
  const rising = [...buckets].sort(([a], [b]) => a - b);
  const wanted = share * (rising.at(-1)?.[1] ?? 0);
  if (wanted === 0) return null;
  const index = rising.findIndex(([, upTo]) => upTo >= wanted);
  const [low, below] = rising[index - 1] ?? [0, 0];
  const [high, upTo] = rising[index] ?? [0, 0];
  return Number.isFinite(high) ? low + ((high - low) * (wanted - below)) / (upTo - below) : low;
}
