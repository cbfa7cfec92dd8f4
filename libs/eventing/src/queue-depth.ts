/** How much waits and how much runs, from the server's own books. */
import { QUEUE_ROUTES, type QueueName } from '#contracts/job-catalogue.js';
import { ROUTE_ENGINES, type StreamSpec, workConsumer } from '#contracts/streams.js';
import { LANES } from '#contracts/subjects.js';
import type { Bus } from './bus.js';

export interface QueueDepth {
  readonly waiting: number;
  readonly processing: number;
}

/** One request for each consumer of the queue: callers keep the answer for a while. */
export async function readQueueDepth(bus: Bus, queue: QueueName): Promise<QueueDepth> {
  const engines = new Set(QUEUE_ROUTES[queue].flatMap((route) => ROUTE_ENGINES[route]));
  const consumers = [...engines].flatMap((engine) => LANES.map((lane) => workConsumer(engine, lane)));
  const infos = await bus.answerTo(
    Promise.all(consumers.map(({ stream, name }) => bus.jsm.consumers.info(stream, name))),
  );
  return {
    waiting: infos.reduce((sum, info) => sum + info.num_pending, 0),
    processing: infos.reduce((sum, info) => sum + info.num_ack_pending, 0),
  };
}

/** The share of a stream's bytes that is in use, 0 to 1. */
export async function readStreamUsage(bus: Bus, stream: StreamSpec): Promise<number> {
  const { state, config } = await bus.answerTo(bus.jsm.streams.info(stream.name));
  return config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
}
