/** What is done with an output before anybody may see it: it is checked, and marked as generated. */
import { type ProcessingJob, promptOf } from '#contracts/domain/job.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import { markPicture } from '#worker/media-mark.js';
import { checkPicture } from '#worker/picture-check.js';

export type FinishedFile = Pick<StoredAsset, 'mediaType' | 'width' | 'height' | 'durationSeconds' | 'seed'> & {
  readonly bytes: Buffer;
};

const SOFTWARE = 'OurVidz';

/** The file as it is stored, or why it is not usable. */
export async function checkedAndMarked(
  bytes: Buffer,
  job: ProcessingJob,
  index: number,
): Promise<FinishedFile | string> {
  const { requested, started } = job;
  const { config, negativePrompt, seeds, jobType } = requested;
  const { width, height, mediaType } = JOB_CATALOGUE[jobType];
  const verdict = await checkPicture(bytes, { width, height });
  if (!verdict.ok) return verdict.reason;
  const seed = seeds[index] ?? 0;
  const marked = markPicture(bytes, {
    prompt: promptOf(job),
    negativePrompt: negativePrompt?.text,
    steps: config.sample_steps,
    sampler: config.sample_solver,
    guidanceScale: config.sample_guide_scale,
    seed,
    width,
    height,
    identity: started.engine,
    software: SOFTWARE,
  });
  return { bytes: marked, mediaType, width, height, seed };
}
