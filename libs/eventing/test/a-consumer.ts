import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { ACK_WAIT_MS, MAX_DELIVERIES } from '#contracts/limits.js';
import { type ConsumerSpec, JOB_STREAM } from '#contracts/streams.js';
import { jobFilter } from '#contracts/subjects.js';
import type { Bus } from '#eventing/bus.js';

/** A consumer of one test: it gets the job of that id, `*` for every job from now on. */
export async function aConsumer(bus: Bus, jobId: string, over: Partial<ConsumerSpec> = {}): Promise<ConsumerSpec> {
  const name = `test-${crypto.randomUUID()}`;
  const filters = [jobFilter(jobId).replace('*.*.*', '*.*.requested')];
  const base = { stream: JOB_STREAM.name, name, filters, ackWaitMs: ACK_WAIT_MS, maxDeliver: MAX_DELIVERIES };
  const spec: ConsumerSpec = { ...base, ...over };
  await bus.jsm.consumers.add(spec.stream, {
    durable_name: spec.name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.New,
    ack_wait: nanos(spec.ackWaitMs),
    max_deliver: spec.maxDeliver,
    filter_subjects: [...spec.filters],
  });
  return spec;
}

/** What the server still holds for it. */
export async function openMessages(bus: Bus, { stream, name }: ConsumerSpec): Promise<number> {
  const { num_pending: waiting, num_ack_pending: inHand } = await bus.jsm.consumers.info(stream, name);
  return waiting + inHand;
}
