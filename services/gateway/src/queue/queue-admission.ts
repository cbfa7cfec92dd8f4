import { Inject, Injectable } from '@nestjs/common';
import type { Job } from '#contracts/domain/job.js';
import { JOB_CATALOGUE, type JobTypeEntry } from '#contracts/job-catalogue.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { ApiError } from '../http/api-error.js';
import { JobDurations } from './job-durations.js';
import { QueueGauge, type QueuePlace, type WaitingJob } from './queue-gauge.js';

/** What the queues can take. */
@Injectable()
export class QueueAdmission {
  constructor(
    private readonly gauge: QueueGauge,
    private readonly durations: JobDurations,
    @Inject(CONFIGURATION) private readonly configuration: Pick<Configuration, 'servedRoutes' | 'maxQueueDepth'>,
  ) {}

  /** A place for a new job. @throws ApiError `job_type_unavailable`, `queue_unavailable` or `queue_full`. */
  enter({ route, queue, jobType }: JobTypeEntry): QueuePlace {
    const { servedRoutes, maxQueueDepth } = this.configuration;
    if (!servedRoutes.includes(route)) {
      throw new ApiError('job_type_unavailable', { details: `there are no workers for ${jobType} here` });
    }
    if (this.gauge.isStreamFull) throw new ApiError('queue_unavailable', { details: 'an event stream is nearly full' });
    const place = this.gauge.enter(queue, maxQueueDepth);
    if (place) return place;
    const retryAfterSeconds = this.durations.untilRoomIn(queue, this.gauge.numbers(queue).workers);
    throw new ApiError('queue_full', { details: `${queue} holds ${maxQueueDepth} jobs`, retryAfterSeconds });
  }

  /** The job is stored: it keeps its place. */
  keep(job: WaitingJob, place: QueuePlace): void {
    place.stored(job);
  }

  /** Where a job stands that entered before. */
  placeOf({ requested }: Job): Pick<QueuePlace, 'length' | 'position'> {
    const { queue } = JOB_CATALOGUE[requested.jobType];
    const { waiting, processing } = this.gauge.numbers(queue);
    return { length: waiting + processing, position: this.gauge.positionOf(requested, queue) };
  }
}
