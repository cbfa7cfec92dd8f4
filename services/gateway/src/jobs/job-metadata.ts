/** `metadata` of a job as answers carry it. Pure. */
import type { Job } from '#contracts/domain/job.js';
import type { JobMetadata } from '#contracts/http/answers.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';

/** The keys of `metadata` that only the server sets, beside those that a client may set too. */
export const SERVER_METADATA_KEYS = [
  ...['model_variant', 'queue', 'dual_worker_routing', 'negative_prompt_supported', 'created_timestamp', 'num_images'],
  ...['seeds', 'engine', 'primary_asset', 'all_assets', 'enhanced_prompt', 'partial'],
  'enhancement_skipped',
] as const;

/** Addresses of the assets that are there, in index order. */
export function metadataOf(job: Job, assetUrls: readonly string[]): JobMetadata & Record<string, unknown> {
  const { requested } = job;
  const entry = JOB_CATALOGUE[requested.jobType];
  return {
    ...requested.clientMetadata,
    prompt: requested.prompt.text,
    ...(entry.negativePromptSupported ? { negative_prompt: requested.negativePrompt?.text ?? '' } : {}),
    // A request has one at least.
    seed: requested.seeds[0] as number,
    seeds: requested.seeds,
    ...(entry.countSupported ? { count: requested.seeds.length } : {}),
    credits: requested.credits,
    bucket: requested.bucket,
    model_variant: entry.modelVariant,
    queue: entry.queue,
    dual_worker_routing: true,
    negative_prompt_supported: entry.negativePromptSupported,
    created_timestamp: job.requestedAt,
    num_images: requested.seeds.length,
    engine: engineOf(job),
    primary_asset: assetUrls[0] ?? null,
    all_assets: assetUrls,
    ...enhancementOf(job),
    ...partialOf(job),
  };
}

/** Nothing until the prompt has been enhanced, or its enhancement was given up. */
function enhancementOf({ enhanced }: Job): Pick<JobMetadata, 'enhanced_prompt' | 'enhancement_skipped'> {
  if (enhanced?.enhanced) return { enhanced_prompt: enhanced.enhanced.text };
  return enhanced?.skipped ? { enhancement_skipped: enhanced.skipped } : {};
}

/** Who made it, or makes it; null while nobody has begun. */
function engineOf(job: Job) {
  const identity = job.status === 'completed' ? job.completed.engine : job.started?.engine;
  return identity ?? null;
}

function partialOf(job: Job): Pick<JobMetadata, 'partial'> {
  if (job.status !== 'completed' || job.completed.missing.length === 0) return {};
  return { partial: { missing: job.completed.missing.map(({ index }) => index) } };
}
