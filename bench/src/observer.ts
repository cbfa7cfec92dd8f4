/** Sees what the streams store, as a browser's gateway does: by the live subjects of core NATS. */
import { connect, type NatsConnection, nkeyAuthenticator } from '@nats-io/transport-node';
import { liveSubject } from '#contracts/subjects.js';
import type { BenchPlatform } from './bench-platform.js';
import { now } from './clock.js';

export interface Sighting {
  readonly jobId: string;
  /** `now()` when the message was here. */
  readonly at: number;
}

type Token = 'started' | 'completed' | 'failed';

export class LiveObserver {
  private constructor(private readonly nats: NatsConnection) {}

  static async on(platform: BenchPlatform): Promise<LiveObserver> {
    const authenticator = nkeyAuthenticator(new TextEncoder().encode(platform.observerSeed));
    return new LiveObserver(await connect({ servers: platform.natsUrl, authenticator, noAsyncTraces: true }));
  }

  /** Calls back for every job event of one kind. Resolves when the server knows. */
  async watch(token: Token, listener: (sighting: Sighting) => void): Promise<void> {
    this.nats.subscribe(liveSubject(`ourvidz.job.*.*.${token}.*`), {
      callback: (error, message) => {
        if (error) throw error;
        listener({ jobId: message.subject.slice(message.subject.lastIndexOf('.') + 1), at: now() });
      },
    });
    await this.nats.flush();
  }

  async close(): Promise<void> {
    await this.nats.close();
  }
}
