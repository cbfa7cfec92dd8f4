/** Reads the body of `POST /api/queue-job`. Pure: any value gets a request or an error of the contract. */
import { KNOWN_METADATA_KEYS, QueueJobMetadata, QueueJobRequest } from '#contracts/http/queue-job-request.js';
import { isJobType, JOB_CATALOGUE, JOB_TYPES, type JobType, type JobTypeEntry } from '#contracts/job-catalogue.js';
import { CLIENT_METADATA_MAX_BYTES } from '#contracts/limits.js';
import { ApiError } from '../http/api-error.js';
import { checked } from '../http/checked.js';
import { cleanText, promptText, trimmedText } from '../http/prompt-text.js';
import { SERVER_METADATA_KEYS } from './job-metadata.js';

/** What a client asks for, checked. */
export interface JobWish {
  readonly entry: JobTypeEntry;
  /** Trimmed. Absent only with a project, which has one. */
  readonly prompt?: string;
  /** Trimmed; only where the job type supports it. */
  readonly negativePrompt?: string;
  readonly seed?: number;
  readonly count: number;
  readonly projectId?: string;
  readonly imageId?: string;
  readonly videoId?: string;
  /** Keys of `metadata` that the server does not know. */
  readonly clientMetadata: Record<string, unknown>;
}

type Fields = Record<string, unknown>;

/** Deeper nesting in a client's metadata is refused: not every reader of JSON survives it. */
const METADATA_MAX_DEPTH = 32;

/** @throws ApiError `invalid_body` or `invalid_job_type`. */
export function readQueueJobBody(body: unknown): JobWish {
  const fields = objectOf(body, 'the body');
  const jobType = jobTypeOf(fields.jobType);
  const metadata = fields.metadata == null ? {} : objectOf(fields.metadata, 'metadata');
  const request = checked(requestOf(jobType, fields, metadata));
  const known = request.metadata ?? new QueueJobMetadata();
  const entry = JOB_CATALOGUE[jobType];
  checkBucket(known.bucket, entry);
  return {
    entry,
    prompt: promptOf(known, request),
    negativePrompt: entry.negativePromptSupported ? negativePromptOf(known.negative_prompt) : undefined,
    seed: known.seed ?? undefined,
    count: countOf(known.count, entry),
    projectId: request.projectId,
    imageId: request.imageId,
    videoId: request.videoId,
    clientMetadata: clientMetadataOf(metadata),
  };
}

/** Own copies of the known fields only: nothing else of the body is looked at again. */
function requestOf(jobType: JobType, fields: Fields, metadata: Fields): QueueJobRequest {
  const known = Object.fromEntries(KNOWN_METADATA_KEYS.map((key) => [key, ownValue(metadata, key)]));
  return Object.assign(new QueueJobRequest(), {
    jobType,
    metadata: Object.assign(new QueueJobMetadata(), known),
    projectId: lowerCased(ownValue(fields, 'projectId')),
    imageId: lowerCased(ownValue(fields, 'imageId')),
    videoId: lowerCased(ownValue(fields, 'videoId')),
  });
}

function jobTypeOf(value: unknown): JobType {
  if (isJobType(value)) return value;
  const shown = typeof value === 'string' ? value.slice(0, 100) : value === null ? 'null' : typeof value;
  const details = `jobType must be one of ${JOB_TYPES.join(', ')}`;
  throw new ApiError('invalid_job_type', { error: `Invalid job type: ${shown}`, details, validJobTypes: JOB_TYPES });
}

/** A project's prompt comes first, so with a project there need be none; one that is there must be one all the same. */
function promptOf({ prompt }: QueueJobMetadata, { projectId }: QueueJobRequest): string | undefined {
  return projectId !== undefined && prompt == null ? undefined : promptText('metadata.prompt', prompt ?? '');
}

function negativePromptOf(value: string | null | undefined): string | undefined {
  const text = trimmedText('metadata.negative_prompt', value ?? '');
  return text === '' ? undefined : text;
}

function countOf(count: number | null | undefined, entry: JobTypeEntry): number {
  if (count == null) return entry.outputs;
  if (!entry.countSupported && count !== entry.outputs) {
    throw invalid(`metadata.count must be ${entry.outputs} or absent for ${entry.jobType}`);
  }
  return count;
}

function checkBucket(bucket: string | null | undefined, entry: JobTypeEntry): void {
  if (bucket != null && bucket !== entry.bucket) throw invalid(`metadata.bucket must be ${entry.bucket} or absent`);
}

/** The keys that the server sets are not the client's to set. */
function clientMetadataOf(metadata: Fields): Record<string, unknown> {
  const reserved: readonly string[] = [...KNOWN_METADATA_KEYS, ...SERVER_METADATA_KEYS, '__proto__'];
  const kept = Object.entries(metadata).filter(([key]) => !reserved.includes(key));
  for (const [key, value] of kept) checkStorable(value, key, 1);
  const others = Object.fromEntries(kept);
  if (Buffer.byteLength(JSON.stringify(others)) > CLIENT_METADATA_MAX_BYTES) {
    throw invalid(`metadata must have at most ${CLIENT_METADATA_MAX_BYTES} bytes beside its known keys`);
  }
  return others;
}

function checkStorable(value: unknown, key: string, depth: number): void {
  cleanText('metadata', key);
  if (typeof value === 'string') cleanText('metadata', value);
  if (typeof value !== 'object' || value === null) return;
  if (depth >= METADATA_MAX_DEPTH) throw invalid(`metadata must be at most ${METADATA_MAX_DEPTH} levels deep`);
  for (const [inner, child] of Object.entries(value)) checkStorable(child, inner, depth + 1);
}

function objectOf(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(`${name} must be a JSON object`);
}

function ownValue(fields: Fields, key: string): unknown {
  return Object.hasOwn(fields, key) ? (fields[key] ?? undefined) : undefined;
}

/** Ids are written in lower case here; RFC 9562 lets clients write them in upper case. */
function lowerCased(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value;
}

function invalid(details: string): ApiError {
  return new ApiError('invalid_body', { details });
}
