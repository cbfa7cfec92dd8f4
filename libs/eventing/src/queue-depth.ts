/** How much waits and how much runs, from the server's own books. */
import { QUEUE_ROUTES, type QueueName } from '#contracts/job-catalogue.js';
import { ROUTE_ENGINES, type StreamSpec, workConsumer } from '#contracts/streams.js';
import { LANES } from '#contracts/subjects.js';
import type { Bus } from './bus.js';

export interface QueueDepth {
  readonly waiting: number;
  /** Those of the waiting that are in the lane `interactive`. */
  readonly interactive: number;
  readonly processing: number;
}

/** One request for each consumer of the queue: callers keep the answer for a while. */
export async function readQueueDepth(bus: Bus, queue: QueueName): Promise<QueueDepth> {
  const engines = new Set(QUEUE_ROUTES[queue].flatMap((route) => ROUTE_ENGINES[route]));
  const consumers = [...engines].flatMap((engine) => LANES.map((lane) => ({ lane, ...workConsumer(engine, lane) })));
  const asked = consumers.map(async ({ lane, stream, name }) => {
    const { num_pending: waiting, num_ack_pending: processing } = await bus.jsm.consumers.info(stream, name);
    return { waiting, processing, interactive: lane === 'interactive' ? waiting : 0 };
  });
  const depths = await bus.answerTo(Promise.all(asked));
  const sumOf = (what: keyof QueueDepth) => depths.reduce((sum, depth) => sum + depth[what], 0);
  return { waiting: sumOf('waiting'), interactive: sumOf('interactive'), processing: sumOf('processing') };
}

/** The share of a stream's bytes that is in use, 0 to 1. */
export async function readStreamUsage(bus: Bus, stream: StreamSpec): Promise<number> {
  const { state, config } = await bus.answerTo(bus.jsm.streams.info(stream.name));
  return config.max_bytes > 0 ? state.bytes / config.max_bytes : 0;
}
