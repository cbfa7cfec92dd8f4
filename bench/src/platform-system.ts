/** The whole platform as a queue system: accepted over HTTP, a picture made and stored, everything logged. */
import { Pool } from 'undici';
import type { BenchPlatform } from './bench-platform.js';
import type { Shot } from './http-load.js';
import { LiveObserver } from './observer.js';
import type { QueueSystem, SystemListener } from './queue-system.js';
import { jobShots } from './requests.js';

export class PlatformSystem implements QueueSystem {
  readonly name = 'OurVidz';
  readonly durability = 'sync_interval: always';
  private listener: SystemListener | undefined;

  private constructor(
    private readonly pool: Pool,
    private readonly shot: () => Shot,
    private readonly observer: LiveObserver,
  ) {}

  /** @param pictures of each job */
  static async on(platform: BenchPlatform, pictures: number): Promise<PlatformSystem> {
    const observer = await LiveObserver.on(platform);
    const pool = new Pool(platform.url, { connections: 64, pipelining: 1 });
    const system = new PlatformSystem(pool, await jobShots(platform, pictures), observer);
    await observer.watch('started', ({ jobId, at }) => system.listener?.started(jobId, at));
    await observer.watch('completed', () => system.listener?.completed(1));
    return system;
  }

  async submit(): Promise<string> {
    const answer = await this.pool.request(this.shot());
    const body = (await answer.body.json()) as { job?: { id: string } };
    if (!body.job) throw new Error(`a job was refused: ${JSON.stringify(body)}`);
    return body.job.id;
  }

  listen(listener: SystemListener): void {
    this.listener = listener;
  }

  async close(): Promise<void> {
    await this.pool.close();
    await this.observer.close();
  }
}
