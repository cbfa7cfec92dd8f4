import { Controller, Get, Inject } from '@nestjs/common';
import type { JobTypesAnswer, JobTypeView } from '#contracts/http/answers.js';
import { JOB_CATALOGUE, JOB_TYPES, type JobType } from '#contracts/job-catalogue.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';

/** The catalogue as clients see it. */
@Controller('api/job-types')
export class JobTypesController {
  constructor(@Inject(CONFIGURATION) private readonly configuration: Configuration) {}

  @Get()
  list(): JobTypesAnswer {
    return { jobTypes: JOB_TYPES.map((jobType) => this.viewOf(jobType)) };
  }

  private viewOf(jobType: JobType): JobTypeView {
    const entry = JOB_CATALOGUE[jobType];
    return {
      jobType,
      format: entry.format,
      quality: entry.quality,
      qualityWord: entry.qualityWord,
      modelVariant: entry.modelVariant,
      queue: entry.queue,
      isSDXL: entry.isSdxl,
      enhanced: entry.isEnhanced,
      negativePromptSupported: entry.negativePromptSupported,
      outputs: entry.outputs,
      maxOutputs: entry.countSupported ? entry.outputs : 1,
      mediaType: entry.mediaType,
      width: entry.width,
      height: entry.height,
      durationSeconds: entry.videoSeconds ?? null,
      referenceSeconds: entry.referenceSeconds,
      bucket: entry.bucket,
      bucketLimitBytes: entry.bucketLimitBytes,
      credits: this.configuration.prices[jobType],
      /** Whether there are workers for it here. */
      available: this.configuration.servedRoutes.includes(entry.route),
    };
  }
}
