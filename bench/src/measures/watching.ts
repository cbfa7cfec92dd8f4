/** Many browsers that watch a few jobs: every progress message of a job goes to each of its watchers. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'undici';
import { startJob } from '#contracts/domain/job-decisions.js';
import { type Bus, connectBus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { publishProgress } from '#eventing/live.js';
import { createLog } from '#service-kit/log.js';
import { BenchPlatform } from '../bench-platform.js';
import { Browser, type PostedJob } from '../browser.js';
import type { Measure } from '../measure.js';
import { count, type Row, share, spread } from '../report.js';
import { spreadOf } from '../statistics.js';

const JOBS = 20;
const CLIENTS_OF_A_JOB = 10;
const ROUNDS_PER_SECOND = [25, 100] as const;
const IDENTITY = { engine: 'preview', model: 'preview', version: '1.0.0', device: 'cpu' };
const SETTLE_MS = 500;

export const watching: Measure = {
  name: 'watch',
  title: `Live events (${JOBS * CLIENTS_OF_A_JOB} clients on ${JOBS} jobs)`,
  async run({ quick, memory }): Promise<Row[]> {
    const platform = await BenchPlatform.start();
    try {
      await Promise.all([platform.startService('jobs'), platform.startService('gateway')]);
      memory.watch(platform.processes());
      const worker = await PretendedWorker.on(platform);
      const rows = await fanOut(platform, worker, quick ? 2_000 : 5_000);
      await worker.close();
      return rows;
    } finally {
      await platform.close();
    }
  },
};

/** Starts jobs and tells of progress without making anything. */
class PretendedWorker {
  private constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
  ) {}

  static async on(platform: BenchPlatform): Promise<PretendedWorker> {
    const credentials = readFileSync(platform.credentialsOf('sdxl-worker'), 'utf8');
    const log = createLog('bench', 'error');
    const bus = await connectBus({ url: platform.natsUrl, credentials, service: 'sdxl-worker', log });
    return new PretendedWorker(bus, new JobStore(bus));
  }

  async begin({ id }: PostedJob): Promise<void> {
    await this.store.execute(id, (job) => startJob(job, { worker: 'bench', engine: IDENTITY }));
  }

  /** `step` numbers the message: the watchers tell by it when it was sent. */
  tell({ id }: PostedJob, step: number): void {
    publishProgress(this.bus, { jobId: id, attempt: 1, percent: 50, stage: 'generating', step, steps: 1_000_000 });
  }

  close(): Promise<void> {
    return this.bus.close();
  }
}

/** Every client's connection, and what came over it. */
class Audience {
  readonly latencies: number[] = [];
  readonly sentAt: number[] = [];
  private left = false;
  private readonly pool: Pool;

  constructor(
    url: string,
    private readonly headers: Record<string, string>,
  ) {
    this.pool = new Pool(url, { connections: JOBS * CLIENTS_OF_A_JOB, bodyTimeout: 0 });
  }

  /** Resolves when the stream is open. */
  async join({ id }: PostedJob): Promise<void> {
    const answer = await this.pool.request({ method: 'GET', path: `/api/jobs/${id}/events`, headers: this.headers });
    if (answer.statusCode !== 200) throw new Error(`a stream was refused: ${answer.statusCode}`);
    answer.body.on('data', (chunk: Buffer) => this.hear(chunk.toString('latin1')));
    answer.body.on('error', (error) => {
      if (!this.left) process.stderr.write(`a stream ended: ${error.message}\n`);
    });
  }

  async leave(): Promise<void> {
    this.left = true;
    await this.pool.destroy(new Error('measured'));
  }

  private hear(text: string): void {
    const at = performance.now();
    for (const [, step] of text.matchAll(/"step":(\d+)/g)) {
      const sentAt = this.sentAt[Number(step)];
      if (sentAt !== undefined) this.latencies.push(at - sentAt);
    }
  }
}

async function fanOut(platform: BenchPlatform, worker: PretendedWorker, forMs: number): Promise<Row[]> {
  const browser = await Browser.of(platform, 'watcher');
  const jobs = await Promise.all(Array.from({ length: JOBS }, () => browser.post(1)));
  await Promise.all(jobs.map((job) => worker.begin(job)));
  const rows: Row[] = [];
  for (const rounds of ROUNDS_PER_SECOND) {
    const audience = new Audience(platform.url, { ...browser.headers });
    await Promise.all(jobs.flatMap((job) => Array.from({ length: CLIENTS_OF_A_JOB }, () => audience.join(job))));
    rows.push(await tellAll(worker, jobs, audience, { rounds, forMs }));
    await audience.leave();
  }
  return rows;
}

async function tellAll(
  worker: PretendedWorker,
  jobs: readonly PostedJob[],
  audience: Audience,
  { rounds, forMs }: { rounds: number; forMs: number },
): Promise<Row> {
  const startedAt = performance.now();
  for (let round = 1; (round * 1000) / rounds < forMs; round++) {
    await delay(Math.max(0, startedAt + (round * 1000) / rounds - performance.now()));
    audience.sentAt[round] = performance.now();
    for (const job of jobs) worker.tell(job, round);
  }
  const took = performance.now() - startedAt;
  await delay(SETTLE_MS);
  const sent = (audience.sentAt.length - 1) * jobs.length * CLIENTS_OF_A_JOB;
  const heard = audience.latencies.length;
  return {
    what: `progress at ${count((sent * 1000) / took)} events/s to all clients together`,
    ours: `${count((heard * 1000) / took)} events/s delivered, ${spread(spreadOf(audience.latencies))}`,
    ratio: `${share(heard / sent)} delivered`,
  };
}
