import { Controller, Get, Param } from '@nestjs/common';
import type { Job } from '#contracts/domain/job.js';
import type { MediaView } from '#contracts/http/images-and-videos.js';
import { isUuid } from '#contracts/ids.js';
import type { Format } from '#contracts/job-catalogue.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { ApiError } from '../http/api-error.js';
import { JobViews } from '../jobs/job-views.js';
import { OwnJobs } from '../jobs/own-jobs.js';
import { RecentJobs } from './recent-jobs.js';

/** What became of the ids that a client gave its images and videos. */
@Controller('api')
export class ImagesAndVideosController {
  constructor(
    private readonly bus: Bus,
    private readonly recent: RecentJobs,
    private readonly ownJobs: OwnJobs,
    private readonly views: JobViews,
  ) {}

  @Get('images/:id')
  image(@Param('id') id: string, @From() caller: Caller): Promise<MediaView> {
    return this.find('image', id.toLowerCase(), caller);
  }

  @Get('videos/:id')
  video(@Param('id') id: string, @From() caller: Caller): Promise<MediaView> {
    return this.find('video', id.toLowerCase(), caller);
  }

  private async find(kind: Format, id: string, caller: Caller): Promise<MediaView> {
    const unknown = kind === 'image' ? 'unknown_image' : 'unknown_video';
    if (!isUuid(id)) throw new ApiError(unknown);
    const media = { accountKey: caller.accountKey, kind, id };
    const { jobId } = await ask(this.bus, 'jobs.latest', media);
    const jobIds = new Set([jobId, this.recent.of(media)].filter((known) => known != null));
    const jobs = await Promise.all([...jobIds].map((known) => this.ownJobs.find(known, caller, unknown)));
    const latest = jobs.sort((a, b) => b.requestedAt.localeCompare(a.requestedAt))[0];
    if (!latest) throw new ApiError(unknown);
    return this.viewOf(id, latest);
  }

  private viewOf(id: string, job: Job): MediaView {
    const assets = this.views.assetsOf(job);
    const [first] = assets;
    return {
      id,
      status: job.status,
      url: first?.url ?? null,
      urls: assets.map(({ url }) => url),
      preview_url: first?.preview_url ?? null,
      job: this.views.of(job),
    };
  }
}
