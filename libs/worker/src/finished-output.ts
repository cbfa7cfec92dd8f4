/** What is done with an output before anybody may see it, whoever made it: it is checked, and marked as generated. */
import type { ProcessingJob } from '#contracts/domain/job.js';
import type { StoredAsset } from '#contracts/events/stored-asset.js';
import { assetIdOf } from '#contracts/ids.js';
import { JOB_CATALOGUE } from '#contracts/job-catalogue.js';
import type { Log } from '#service-kit/log.js';
import type { EngineIdentity, EngineOutput, EngineRequest } from './engine.js';
import { type GenerationData, markPicture } from './media-mark.js';
import { checkOutput, type OutputVerdict } from './output-check.js';
import { markVideo } from './video-mark.js';

/** The platform's name in the files that it stores. */
export const SOFTWARE = 'OurVidz';

/** One output and what it is to be like. */
export interface MadeOutput {
  readonly job: ProcessingJob;
  readonly output: EngineOutput;
  readonly request: EngineRequest;
}

/** An output that is fit to be stored. */
export type FinishedOutput = Extract<OutputVerdict, { ok: true }> & { readonly bytes: Uint8Array };

export async function finishOutput(
  made: MadeOutput,
  identity: EngineIdentity,
  log: Log,
): Promise<FinishedOutput | Extract<OutputVerdict, { ok: false }>> {
  const { job, output, request } = made;
  const verdict = await checkOutput(output, request, log);
  if (!verdict.ok) return verdict;
  const mark = markOf(made, identity);
  const bytes = request.video ? markVideo(output.bytes, mark) : markPicture(output.bytes, mark);
  const limit = JOB_CATALOGUE[job.requested.jobType].bucketLimitBytes;
  if (bytes.byteLength <= limit) return { ...verdict, bytes };
  return { ok: false, reason: `${bytes.byteLength} bytes, the bucket takes ${limit}` };
}

/** What is told of it once it is stored. */
export function storedAsset(
  job: ProcessingJob,
  output: EngineOutput,
  stored: Pick<StoredAsset, 'key' | 'bytes' | 'sha256' | 'durationSeconds' | 'preview'>,
): StoredAsset {
  const { jobId, bucket } = job.requested;
  const { index, seed, width, height, mediaType } = output;
  const id = assetIdOf(jobId, index);
  return { id, index, bucket, ...stored, mediaType, width, height, seed, storedAt: new Date().toISOString() };
}

function markOf({ job, output, request }: MadeOutput, identity: EngineIdentity): GenerationData {
  const { prompt, negativePrompt, steps, guidanceScale, width, height } = request;
  const sampler = job.requested.config.sample_solver;
  const settings = { steps, sampler, guidanceScale, seed: output.seed, width, height };
  return { prompt, negativePrompt, ...settings, identity, software: SOFTWARE };
}
