import type { FastifyReply, FastifyRequest } from 'fastify';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { QUEUE_NAMES } from '#contracts/job-catalogue.js';
import type { LiveJobs } from '../jobs/live-jobs.js';
import type { QueueGauge } from '../queue/queue-gauge.js';

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
