import { Injectable } from '@nestjs/common';
import type { JobRequested } from '#contracts/events/job-events.js';
import type { NamedMedia } from '#contracts/queries.js';
import { BoundedMap } from '../bounded-map.js';

const IDS_MAX = 10_000;

/**
 * The images and videos that were asked for through this gateway a moment ago. The projection that knows them all may not
 * have seen their jobs yet; whoever asked for something must find it.
 */
@Injectable()
export class RecentJobs {
  private readonly jobIds = new BoundedMap<string, string>(IDS_MAX);

  remember({ accountKey, jobId, imageId, videoId }: JobRequested): void {
    if (imageId) this.jobIds.set(nameOf({ accountKey, kind: 'image', id: imageId }), jobId);
    if (videoId) this.jobIds.set(nameOf({ accountKey, kind: 'video', id: videoId }), jobId);
  }

  of(media: NamedMedia): string | undefined {
    return this.jobIds.get(nameOf(media));
  }
}

function nameOf({ accountKey, kind, id }: NamedMedia): string {
  return `${accountKey} ${kind} ${id}`;
}
