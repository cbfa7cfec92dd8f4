/** The one list of error codes: what the API, its documents, its tests and its clients use. */

interface ErrorFacts {
  readonly status: number;
  /** For the user. */
  readonly error: string;
  readonly retryable: boolean;
  /** What to do now. */
  readonly suggestedAction: string;
}

export const ERROR_CODES = {
  invalid_json: fact(400, 'The request could not be read.', 'Send valid JSON.'),
  invalid_body: fact(400, 'The request has a wrong value.', 'Correct the field that details names and send it again.'),
  invalid_query: fact(400, 'The address has a wrong value.', 'Correct the parameter that details names.'),
  invalid_job_type: fact(400, 'Invalid job type.', 'Choose one of validJobTypes.'),
  authentication_required: fact(401, 'Authentication required.', 'Sign in and send the token as a bearer token.'),
  invalid_token: fact(401, 'Your session is not valid or has ended.', 'Sign in again.'),
  insufficient_credits: fact(
    402,
    'You have too few credits for this job.',
    'Ask for more credits or choose a cheaper job type.',
  ),
  forbidden: fact(403, 'You may not do this.', 'Ask an operator for the right to do it.'),
  invalid_signature: fact(403, 'This link is not valid or has expired.', 'Ask the API for a fresh link.'),
  not_found: fact(404, 'There is nothing here.', 'Check the address.'),
  unknown_job: fact(404, 'This job does not exist.', 'Check the id.'),
  unknown_asset: fact(404, 'This asset does not exist.', 'Check the id.'),
  unknown_project: fact(404, 'This project does not exist.', 'Check the id or leave the project out.'),
  unknown_image: fact(404, 'No job of yours names this image.', 'Check the id.'),
  unknown_video: fact(404, 'No job of yours names this video.', 'Check the id.'),
  unknown_webhook: fact(404, 'This webhook does not exist.', 'Check the id.'),
  method_not_allowed: fact(
    405,
    'This address does not take that method.',
    'Use one of the methods in the Allow header.',
  ),
  balance_below_zero: fact(409, 'The user has fewer credits than that.', 'Take at most what the balance holds.'),
  already_ended: fact(409, 'The job has already ended.', 'Nothing is left to do.'),
  receipt_not_ready: retry(
    409,
    'There is no receipt yet.',
    'Ask again when the job has ended and its credits are settled.',
  ),
  project_limit: fact(409, 'You have too many projects.', 'Delete a project that you no longer need.'),
  webhook_limit: fact(409, 'You have too many webhooks.', 'Delete one of your webhooks.'),
  not_claimed: fact(409, 'No outside worker has this job.', 'Claim a job before you say something about it.'),
  stale_attempt: fact(409, 'Another worker has this job now.', 'Drop it and claim the next one.'),
  precondition_failed: fact(
    412,
    'The file is not the one you know.',
    'Ask for it without If-Match and If-Unmodified-Since.',
  ),
  body_too_large: fact(413, 'The request is too large.', 'Send at most 256 KiB.'),
  file_too_large: fact(413, 'The file is too large.', 'Send at most max_bytes of the upload.'),
  unsupported_media_type: fact(415, 'The request is not JSON.', 'Send JSON with content type application/json.'),
  range_not_satisfiable: fact(416, 'The file has no such part.', 'Ask for a range within the file.'),
  idempotency_key_reuse: fact(
    422,
    'This Idempotency-Key was used for another request.',
    'Use a new key for a new request.',
  ),
  unusable_file: fact(422, 'This file cannot be used.', 'Send a whole file of the content_type and size asked for.'),
  content_policy: fact(422, 'This request is not allowed here.', 'Change the prompt.'),
  rate_limited: retry(429, 'Too many requests.', 'Wait for the seconds in Retry-After.'),
  own_queue_limit: retry(429, 'You have too many waiting jobs.', 'Wait until some of your jobs are done.'),
  internal_error: retry(500, 'Something went wrong on our side.', 'Try again; if it stays, tell an operator.'),
  job_type_unavailable: fact(503, 'This job type has no worker here.', 'Choose another job type.'),
  outside_workers_off: fact(503, 'Outside workers are not enabled here.', 'Ask an operator to set WORKER_TOKEN.'),
  receipts_off: fact(503, 'There are no receipts here.', 'Ask an operator to set RECEIPT_SIGNING_KEY.'),
  authentication_unavailable: retry(
    503,
    'Your session cannot be checked just now.',
    'Try again after the seconds in Retry-After.',
  ),
  queue_full: retry(503, 'The queue is full.', 'Try again after the seconds in Retry-After.'),
  queue_unavailable: retry(503, 'Jobs cannot be taken just now.', 'Try again after the seconds in Retry-After.'),
  projects_unavailable: retry(
    503,
    'Projects cannot be changed just now.',
    'Try again after the seconds in Retry-After.',
  ),
  lists_unavailable: retry(503, 'This cannot be read just now.', 'Try again after the seconds in Retry-After.'),
  storage_unavailable: retry(503, 'Files cannot be reached just now.', 'Try again after the seconds in Retry-After.'),
  webhooks_disabled: fact(503, 'There are no webhooks here.', 'Ask an operator to set WEBHOOK_SECRET.'),
  webhooks_unavailable: retry(
    503,
    'Webhooks cannot be reached just now.',
    'Try again after the seconds in Retry-After.',
  ),
} as const satisfies Record<string, ErrorFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** The body of every answer that is not a success. */
export interface ErrorBody {
  readonly success: false;
  readonly error: string;
  readonly code: ErrorCode;
  /** For the developer. */
  readonly details?: string;
  readonly retryable: boolean;
  readonly suggestedAction: string;
  /** With `invalid_job_type`. */
  readonly validJobTypes?: readonly string[];
}

/** Why a job failed: `error_code` of a job. */
export type JobFailureCode =
  | 'generation_timeout'
  | 'worker_lost'
  | 'max_deliveries'
  | 'rejected'
  | 'no_valid_output'
  | 'output_too_large'
  | 'storage_failed'
  | 'engine_failed'
  | 'completed_without_assets';

function fact(status: number, error: string, suggestedAction: string): ErrorFacts {
  return { status, error, suggestedAction, retryable: false };
}

function retry(status: number, error: string, suggestedAction: string): ErrorFacts {
  return { status, error, suggestedAction, retryable: true };
}
