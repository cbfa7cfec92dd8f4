/** What a user's page does. */
import { serverSentEvents } from '../../test/support/job-events.js';
import type { BenchPlatform } from './bench-platform.js';
import { jobBody } from './requests.js';

export interface PostedJob {
  readonly id: string;
  readonly events: string;
}

export class Browser {
  private constructor(
    private readonly platform: BenchPlatform,
    readonly headers: { readonly authorization: string },
  ) {}

  static async of(platform: BenchPlatform, user: string): Promise<Browser> {
    return new Browser(platform, { authorization: `Bearer ${await platform.token(user)}` });
  }

  async post(pictures: number): Promise<PostedJob> {
    const { headers } = this;
    const answer = await fetch(`${this.platform.url}/api/queue-job`, {
      method: 'POST',
      headers,
      body: jobBody(pictures),
    });
    const { job, urls } = (await answer.json()) as { job: { id: string }; urls: { events: string } };
    return { id: job.id, events: urls.events };
  }

  /** The job's events up to its end. */
  async *watch({ events }: PostedJob) {
    yield* serverSentEvents(await fetch(events, { headers: this.headers }));
  }

  /** Up to the job's end. */
  async untilDone(job: PostedJob): Promise<void> {
    for await (const { event } of this.watch(job)) if (event === 'done') return;
  }
}
