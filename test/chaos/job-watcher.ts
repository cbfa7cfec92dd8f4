/** A client that watches one job by server-sent events and resumes on another gateway whenever the stream breaks. */
import { setTimeout as delay } from 'node:timers/promises';
import { type ServerSentEvent, serverSentEvents } from '../support/job-events.js';

/** What a client was told of one job, over all its connections. */
export interface JobTelling {
  readonly jobId: string;
  /** The ids of the durable events, in the order in which they came. */
  readonly ids: number[];
  /** The durable events themselves, each as one word. */
  readonly durable: string[];
  /** Ids of the assets that were told. */
  readonly assets: Set<string>;
  /** The status that `done` told, once it came. */
  end?: string;
  connections: number;
}

const RETRY_MS = 300;

/** Resolves with what was told up to `done`, or up to the end of patience. */
export async function watchToTheEnd(
  jobId: string,
  open: (lastEventId: string | undefined) => Promise<Response | undefined>,
  patienceMs: number,
): Promise<JobTelling> {
  const telling: JobTelling = { jobId, ids: [], durable: [], assets: new Set(), connections: 0 };
  const deadline = Date.now() + patienceMs;
  while (telling.end === undefined && Date.now() < deadline) {
    await listen(telling, open);
    if (telling.end === undefined) await delay(RETRY_MS);
  }
  return telling;
}

async function listen(
  telling: JobTelling,
  open: (lastEventId: string | undefined) => Promise<Response | undefined>,
): Promise<void> {
  try {
    const response = await open(telling.ids.at(-1)?.toString());
    if (!response?.ok) return void (await response?.body?.cancel());
    telling.connections++;
    for await (const { id, event, data } of serverSentEvents(response)) {
      hear(telling, { id, event, data });
    }
  } catch {
    // The gateway or the network broke the stream: the client comes back, to another one.
  }
}

function hear(telling: JobTelling, { id, event, data }: ServerSentEvent): void {
  if (id !== '') {
    telling.ids.push(Number(id));
    telling.durable.push(`${event} ${data.id} at ${id}`);
  }
  if (event === 'asset') telling.assets.add(String(data.id));
  if (event === 'done') telling.end = String(data.status);
}
