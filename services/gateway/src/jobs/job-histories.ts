import { Injectable } from '@nestjs/common';
import type { Job } from '#contracts/domain/job.js';
import type { JobHistoryEvent } from '#contracts/events/registry.js';
import type { JobHistoryPage } from '#contracts/http/job-history.js';
import type { PageQuery } from '#contracts/http/list-queries.js';
import { Bus } from '#eventing/bus.js';
import { JobStore } from '#eventing/job-store.js';
import { ask } from '#eventing/request-reply.js';
import { unlessAway } from '../unless-away.js';
import { historyEntry } from './job-history.js';

/** All that happened to a job: from the log, which has every event, and what the log has not seen yet from the stream. */
@Injectable()
export class JobHistories {
  constructor(
    private readonly bus: Bus,
    private readonly store: JobStore,
  ) {}

  async page({ requested: { jobId, userId } }: Job, { cursor, limit }: PageQuery): Promise<JobHistoryPage> {
    const { events, nextCursor } = await ask(this.bus, 'jobs.history', { jobId, cursor, limit });
    const newer = nextCursor === null ? await this.newerThan(events, jobId) : [];
    const entries = [...events, ...newer].map((event) => historyEntry(event, userId));
    return { events: entries, next_cursor: nextCursor };
  }

  /** The stream tells at once what happened; the log follows within moments. */
  private async newerThan(logged: readonly JobHistoryEvent[], jobId: string): Promise<readonly JobHistoryEvent[]> {
    const after = logged.at(-1)?.sequence ?? 0;
    const latest = await unlessAway(this.bus, () => this.store.history(jobId));
    if ((latest.at(-1)?.sequence ?? 0) <= after) return [];
    const events = await unlessAway(this.bus, () => this.store.everyEvent(jobId));
    return events.filter(({ sequence }) => sequence > after);
  }
}
