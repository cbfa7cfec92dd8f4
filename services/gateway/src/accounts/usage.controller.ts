import { Controller, Get, Query } from '@nestjs/common';
import { ListUsageQuery, type UsagePage, type UsageView } from '#contracts/http/usage.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import type { Usage } from '#contracts/queries.js';
import { Bus } from '#eventing/bus.js';
import { ask } from '#eventing/request-reply.js';
import { From } from '../auth/authentication.js';
import type { Caller } from '../auth/token-verifier.js';
import { checkedQuery } from '../http/checked.js';
import { instant } from '../http/instant.js';

@Controller('api/usage')
export class UsageController {
  constructor(private readonly bus: Bus) {}

  @Get()
  async list(@Query() query: unknown, @From() { accountKey }: Caller): Promise<UsagePage> {
    const { jobType, from, to, cursor, limit } = checkedQuery(ListUsageQuery, query);
    const times = { from: from && instant(from), to: to && instant(to) };
    const page = await ask(this.bus, 'usage.list', { accountKey, jobType, ...times, cursor, limit });
    return { usage: page.usage.map(viewOf), next_cursor: page.nextCursor };
  }
}

function viewOf({ jobId, request, requestedAt, status, credits, settledAt }: Usage): UsageView {
  const { userId, jobType, projectId, imageId, videoId } = request;
  const { format, quality, modelVariant, queue, negativePromptSupported } = JOB_CATALOGUE[jobType];
  return {
    user_id: userId,
    action: jobType,
    format,
    quality,
    credits_consumed: credits,
    metadata: {
      job_id: jobId,
      project_id: projectId ?? null,
      image_id: imageId ?? null,
      video_id: videoId ?? null,
      model_type: jobType,
      model_variant: modelVariant,
      queue,
      dual_worker_routing: true,
      negative_prompt_supported: negativePromptSupported,
      usage_timestamp: requestedAt,
      status,
      settled_timestamp: settledAt ?? null,
    },
    created_at: requestedAt,
  };
}
