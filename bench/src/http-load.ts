/** Requests in numbers: as fast as the connections carry them, or at a fixed rate. */
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';

/** One request. */
export interface Shot {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

export interface LoadResult {
  /** Answers per second. */
  readonly rate: number;
  /** Milliseconds from when each request was due to the end of its answer. */
  readonly latencies: readonly number[];
}

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly forMs: number;
  /** The next request; called again and again. */
  readonly shot: () => Shot;
}

/** Every connection sends its next request as soon as it has the answer to the one before. */
export async function fullLoad({ url, connections, forMs, shot }: LoadOptions): Promise<LoadResult> {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const latencies: number[] = [];
  const startedAt = performance.now();
  const end = startedAt + forMs;
  const client = async () => {
    for (let sentAt = performance.now(); sentAt < end; sentAt = performance.now()) {
      await send(pool, shot());
      latencies.push(performance.now() - sentAt);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const rate = (latencies.length * 1000) / (performance.now() - startedAt);
  await pool.close();
  return { rate, latencies };
}

/** Requests come at their times, whether earlier ones are answered or not; a late one's wait counts as its latency. */
export async function steadyLoad({ url, connections, forMs, shot }: LoadOptions, rate: number): Promise<LoadResult> {
  const pool = new Pool(url, { connections, pipelining: 1 });
  const latencies: number[] = [];
  const underWay: Promise<void>[] = [];
  const startedAt = performance.now();
  const fire = async (dueAt: number) => {
    await send(pool, shot());
    latencies.push(performance.now() - dueAt);
  };
  for (let sent = 0; (sent * 1000) / rate < forMs; ) {
    const due = Math.floor(((performance.now() - startedAt) * rate) / 1000);
    while (sent < due) underWay.push(fire(startedAt + (sent++ * 1000) / rate));
    await delay(1);
  }
  await Promise.all(underWay);
  await pool.close();
  return { rate: (latencies.length * 1000) / (performance.now() - startedAt), latencies };
}

async function send(pool: Pool, { method, path, headers, body }: Shot): Promise<void> {
  const answer = await pool.request({ method, path, headers, body });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`);
}
