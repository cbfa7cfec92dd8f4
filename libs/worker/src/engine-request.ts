import { type ProcessingJob, promptOf } from '#contracts/domain/job.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import type { EngineRequest } from './engine.js';

/** What is still missing: outputs that an earlier attempt stored are not made again. */
export function engineRequest(job: ProcessingJob): EngineRequest {
  const { requested, assets } = job;
  const { width, height, fps, negativePromptSupported } = JOB_CATALOGUE[requested.jobType];
  const outputs = requested.seeds.map((seed, index) => ({ index, seed }));
  return {
    jobId: requested.jobId,
    prompt: promptOf(job),
    negativePrompt: negativePromptSupported ? requested.negativePrompt?.text : undefined,
    width,
    height,
    steps: requested.config.sample_steps,
    guidanceScale: requested.config.sample_guide_scale,
    video: fps === undefined ? undefined : { frames: requested.config.frame_num, fps },
    outputs: outputs.filter(({ index }) => !assets.some((asset) => asset.index === index)),
  };
}
