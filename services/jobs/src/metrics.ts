import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What the jobs service tells Prometheus. */
export class JobsMetrics {
  readonly registry = new Registry();

  readonly leading = this.gauge('ourvidz_jobs_leading', 'Whether this process writes the log and the projections', []);
  readonly eventsWritten = this.counter('ourvidz_log_events_total', 'Events written to the log', ['stream']);
  readonly eventsMissed = this.counter('ourvidz_log_events_missed_total', 'Events gone before being logged', [
    'stream',
  ]);
  readonly streamEpochs = this.counter('ourvidz_log_stream_epochs_total', 'Streams found to be made anew', ['stream']);
  readonly logLag = this.gauge('ourvidz_log_lag_events', 'Events in the stream that are not logged yet', ['stream']);
  readonly batchEvents = new Histogram({
    name: 'ourvidz_log_batch_events',
    help: 'Events written in one transaction',
    buckets: [1, 10, 100, 1_000],
    registers: [this.registry],
  });
  readonly projectionLag = this.gauge('ourvidz_projection_lag_events', 'Logged events not projected', ['projection']);
  readonly projected = this.counter('ourvidz_projection_events_total', 'Events applied', ['projection']);
  readonly parked = this.gauge('ourvidz_projection_parked_events', 'Events that could not be applied', ['projection']);
  readonly sweeps = this.counter('ourvidz_deadline_sweeps_total', 'Sweeps for jobs past their deadline', []);
  readonly deadlinesPassed = this.counter('ourvidz_deadlines_passed_total', 'Jobs failed by a sweep', ['code']);
  readonly deadLetters = this.counter('ourvidz_dead_letters_total', 'Dead letters dealt with', ['reason', 'outcome']);
  readonly settlementLag = new Histogram({
    name: 'ourvidz_settlement_lag_seconds',
    help: 'From the end of a job to its charge or release',
    buckets: [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers: [this.registry],
  });
  readonly settled = this.counter('ourvidz_settlements_total', 'Reservations charged or released', ['by', 'event']);
  readonly settlementBehind = this.gauge('ourvidz_settlement_lag_events', 'Logged events not looked at yet', []);
  readonly settlementFailures = this.counter('ourvidz_settlement_failures_total', 'Accounts left to the sweep', []);
  readonly reservationSweeps = this.counter('ourvidz_reservation_sweeps_total', 'Sweeps over open reservations', []);

  readonly webhookAttempts = this.counter('ourvidz_webhook_attempts_total', 'Tries to deliver to webhooks', ['result']);
  readonly webhookDeliveries = this.counter('ourvidz_webhook_deliveries_total', 'Deliveries to webhooks that ended', [
    'result',
  ]);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  private counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
