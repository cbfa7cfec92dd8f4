/** Every route of the API: who may call it, what it takes, what it answers. The OpenAPI document is made of this list. */
import {
  AssetsPage,
  AssetView,
  JobsPage,
  JobTypesAnswer,
  JobView,
  QueueJobAnswer,
  QueueStatusAnswer,
} from './answers.js';
import { ChangeAssetRequest } from './assets.js';
import { CreditsAnswer, GrantCreditsRequest } from './credits.js';
import type { ErrorCode } from './error-codes.js';
import { LiveAnswer, ReadyAnswer } from './health.js';
import { MediaView } from './images-and-videos.js';
import { JobHistoryPage } from './job-history.js';
import { ListAssetsQuery, ListJobsQuery, PageQuery, PastQuery } from './list-queries.js';
import { JobProgressView, LivePreviewView } from './live-events.js';
import { DeadLettersPage, MetricsSummary, MetricsSummaryQuery, WorkersAnswer } from './operations.js';
import {
  ClaimedJob,
  JobCallbackAnswer,
  JobCallbackRequest,
  UploadAnswer,
  WorkerClaimRequest,
} from './outside-workers.js';
import { ChangeProjectRequest, CreateProjectRequest, ProjectsPage, ProjectView } from './projects.js';
import { QueueJobRequest } from './queue-job-request.js';
import { JobReceipt, ReceiptKey } from './receipts.js';
import { ListUsageQuery, UsagePage } from './usage.js';
import {
  RegisterWebhookRequest,
  WebhookDeliveriesPage,
  WebhooksAnswer,
  WebhookTestAnswer,
  WebhookWithSecret,
} from './webhooks.js';

/**
 * Who may call: `user` with a token, `operator` with a token of the role `admin` or `service_role`, `worker` with the
 * token of outside workers, `signed` whoever has the signed address, `public` everybody.
 */
export type Access = 'user' | 'operator' | 'worker' | 'signed' | 'public';
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type RequestHeader = 'Idempotency-Key' | 'Last-Event-ID' | 'Range' | 'If-None-Match';
type ContractClass = new () => object;

export interface AnswerSpec {
  readonly status: number;
  readonly description: string;
  /** The class of a JSON answer. */
  readonly type?: ContractClass;
  /** Media type of an answer that is not JSON. */
  readonly media?: string;
  /** The classes of the data of server-sent events, by the event's name. */
  readonly events?: Readonly<Record<string, ContractClass>>;
}

export interface RouteSpec {
  readonly method: Method;
  /** OpenAPI's template, such as `/api/jobs/{id}`. */
  readonly path: string;
  /** Name for generated clients. */
  readonly operation: string;
  readonly tag: string;
  readonly access: Access;
  readonly summary: string;
  readonly description?: string;
  readonly query?: ContractClass;
  readonly body?: ContractClass;
  readonly headers?: readonly RequestHeader[];
  readonly answers: readonly AnswerSpec[];
  /** Beside those that every route of its kind has. */
  readonly errors?: readonly ErrorCode[];
}

const LIST: readonly ErrorCode[] = ['lists_unavailable'];
const JOB: readonly ErrorCode[] = ['unknown_job', 'queue_unavailable', 'lists_unavailable'];
const ASSET: readonly ErrorCode[] = ['unknown_asset', 'queue_unavailable', 'lists_unavailable'];

const PROJECT: readonly ErrorCode[] = ['unknown_project', 'projects_unavailable'];

const OWN_WORK: readonly ErrorCode[] = ['unknown_job', 'not_claimed', 'stale_attempt', 'already_ended'];

const WEBHOOKS: readonly ErrorCode[] = ['webhooks_disabled', 'webhooks_unavailable'];
const WEBHOOK: readonly ErrorCode[] = ['unknown_webhook', ...WEBHOOKS];

const JOB_STREAM_EVENTS = {
  status: JobView,
  progress: JobProgressView,
  preview: LivePreviewView,
  asset: AssetView,
  done: JobView,
};

export const ROUTES: readonly RouteSpec[] = [
  {
    ...route('POST', '/api/queue-job', 'queueJob', 'Jobs', 'user', 'Ask for pictures or a video'),
    description:
      'The job is stored before the answer. With an `Idempotency-Key` the same request again gets the first job again, and the header `Idempotent-Replayed: true`.',
    body: QueueJobRequest,
    headers: ['Idempotency-Key'],
    answers: [ok('The job waits in its queue', QueueJobAnswer)],
    errors: [
      ...(['invalid_job_type', 'insufficient_credits', 'unknown_project', 'idempotency_key_reuse'] as const),
      ...(['content_policy', 'own_queue_limit', 'queue_full', 'queue_unavailable', 'job_type_unavailable'] as const),
      'projects_unavailable',
    ],
  },
  {
    ...route('GET', '/api/jobs', 'listJobs', 'Jobs', 'user', 'Your jobs, newest first'),
    query: ListJobsQuery,
    answers: [ok('A page of jobs', JobsPage)],
    errors: LIST,
  },
  {
    ...route('GET', '/api/jobs/{id}', 'getJob', 'Jobs', 'user', 'One job'),
    description:
      'What `POST /api/queue-job` accepted can be read at once. With `at`, operators see any job as it was at a moment.',
    query: PastQuery,
    answers: [ok('The job', JobView)],
    errors: [...JOB, 'forbidden'],
  },
  {
    ...route('GET', '/api/jobs/{id}/events', 'watchJob', 'Jobs', 'user', 'Follow one job'),
    description:
      'Server-sent events: `status` and `done` carry the job, `asset` an asset, `progress` the progress, `preview` a small picture of what an output is becoming (once a second at most, from engines that show it). A snapshot comes first; `Last-Event-ID` resumes behind the event of that id. The stream ends after `done`.',
    headers: ['Last-Event-ID'],
    answers: [{ status: 200, description: 'The events', media: 'text/event-stream', events: JOB_STREAM_EVENTS }],
    errors: JOB,
  },
  {
    ...route('GET', '/api/jobs/{id}/history', 'getJobHistory', 'Jobs', 'user', 'All that happened to one job'),
    description: 'Every event with its time and cause, oldest first.',
    query: PageQuery,
    answers: [ok('A page of events', JobHistoryPage)],
    errors: JOB,
  },
  {
    ...route('GET', '/api/jobs/{id}/receipt', 'getJobReceipt', 'Jobs', 'user', 'A signed receipt of an ended job'),
    description: 'There is one as soon as the credits of the job are settled, within moments of its end.',
    answers: [ok('The receipt', JobReceipt)],
    errors: [...JOB, 'receipt_not_ready', 'receipts_off'],
  },
  {
    ...route('GET', '/api/receipt-key', 'getReceiptKey', 'Jobs', 'public', 'The public key of receipts'),
    answers: [ok('The key that receipts are signed with now', ReceiptKey)],
    errors: ['receipts_off', 'lists_unavailable'],
  },
  {
    ...route('POST', '/api/jobs/{id}/cancel', 'cancelJob', 'Jobs', 'user', 'Cancel a job'),
    description: 'Waiting or running. Cancelling a cancelled job answers it again.',
    answers: [ok('The cancelled job', JobView)],
    errors: [...JOB, 'already_ended'],
  },
  {
    ...route('DELETE', '/api/jobs/{id}', 'deleteJob', 'Jobs', 'user', 'Cancel a job'),
    description: 'The same as `POST /api/jobs/{id}/cancel`.',
    answers: [ok('The cancelled job', JobView)],
    errors: [...JOB, 'already_ended'],
  },
  {
    ...route('GET', '/api/assets', 'listAssets', 'Assets', 'user', 'Your pictures and videos, newest first'),
    query: ListAssetsQuery,
    answers: [ok('A page of assets', AssetsPage)],
    errors: LIST,
  },
  {
    ...route('GET', '/api/assets/{id}', 'getAsset', 'Assets', 'user', 'One asset'),
    answers: [ok('The asset', AssetView)],
    errors: ASSET,
  },
  {
    ...route('PATCH', '/api/assets/{id}', 'changeAsset', 'Assets', 'user', 'Make an asset a favourite, or none'),
    body: ChangeAssetRequest,
    answers: [ok('The asset', AssetView)],
    errors: ASSET,
  },
  {
    ...route('DELETE', '/api/assets/{id}', 'deleteAsset', 'Assets', 'user', 'Delete an asset'),
    description: 'Its file and its preview are deleted too.',
    answers: [gone()],
    errors: ASSET,
  },
  {
    ...route('GET', '/assets/{path}', 'getFile', 'Assets', 'signed', 'The file of an asset'),
    description: 'Answers give these addresses. `?download=1` makes browsers save the file.',
    headers: ['Range', 'If-None-Match'],
    answers: [
      { status: 200, description: 'The file', media: 'application/octet-stream' },
      { status: 206, description: 'The part that `Range` names', media: 'application/octet-stream' },
      { status: 304, description: 'The file that `If-None-Match` names' },
    ],
    errors: ['invalid_signature', 'not_found', 'precondition_failed', 'range_not_satisfiable', 'storage_unavailable'],
  },
  {
    ...route('PUT', '/assets/{path}', 'sendFile', 'Outside workers', 'signed', 'Send an output'),
    description:
      'Claims give these addresses. The body is the file, of the `content_type` and within the `max_bytes` that stood beside the address. The first file of an output stays: sending another one changes nothing.',
    answers: [ok('The file is stored', UploadAnswer)],
    errors: [
      ...(['invalid_signature', 'file_too_large', 'unusable_file'] as const),
      ...OWN_WORK,
      ...(['queue_unavailable', 'storage_unavailable'] as const),
    ],
  },
  {
    ...route('POST', '/api/worker/claim', 'claimJob', 'Outside workers', 'worker', 'Get a job to make'),
    description:
      'Waits for a job of the named queues and starts its attempt. Silent for longer than `lease_seconds`, the worker loses it to another one.',
    body: WorkerClaimRequest,
    answers: [ok('The job', ClaimedJob), { status: 204, description: 'There was none in time' }],
    errors: ['outside_workers_off', 'queue_unavailable'],
  },
  {
    ...route(
      'POST',
      '/api/job-callback',
      'callBack',
      'Outside workers',
      'worker',
      'Say how a job goes, or how it ended',
    ),
    description:
      'Said twice, a word counts once. `completed` without assets fails the job; outputs that were not sent are missing from it.',
    body: JobCallbackRequest,
    answers: [ok('Heard', JobCallbackAnswer)],
    errors: [...OWN_WORK, 'outside_workers_off', 'queue_unavailable'],
  },
  {
    ...route('GET', '/api/images/{id}', 'getImage', 'Assets', 'user', 'What became of an `imageId`'),
    description: 'The latest job that named it, and what that has made so far.',
    answers: [ok('The image', MediaView)],
    errors: ['unknown_image', 'queue_unavailable', 'lists_unavailable'],
  },
  {
    ...route('GET', '/api/videos/{id}', 'getVideo', 'Assets', 'user', 'What became of a `videoId`'),
    description: 'The latest job that named it, and what that has made so far.',
    answers: [ok('The video', MediaView)],
    errors: ['unknown_video', 'queue_unavailable', 'lists_unavailable'],
  },
  {
    ...route('POST', '/api/projects', 'createProject', 'Projects', 'user', 'Keep a prompt for jobs'),
    description: 'With an `Idempotency-Key` the same request again gets the first project again.',
    body: CreateProjectRequest,
    headers: ['Idempotency-Key'],
    answers: [{ status: 201, description: 'The project', type: ProjectView }],
    errors: ['content_policy', 'idempotency_key_reuse', 'project_limit', 'projects_unavailable', 'lists_unavailable'],
  },
  {
    ...route('GET', '/api/projects', 'listProjects', 'Projects', 'user', 'Your projects, newest first'),
    query: PageQuery,
    answers: [ok('A page of projects', ProjectsPage)],
    errors: LIST,
  },
  {
    ...route('GET', '/api/projects/{id}', 'getProject', 'Projects', 'user', 'One project'),
    answers: [ok('The project', ProjectView)],
    errors: PROJECT,
  },
  {
    ...route('PATCH', '/api/projects/{id}', 'changeProject', 'Projects', 'user', 'Change a project'),
    description: 'What is left out stays; null takes away.',
    body: ChangeProjectRequest,
    answers: [ok('The changed project', ProjectView)],
    errors: [...PROJECT, 'content_policy'],
  },
  {
    ...route('DELETE', '/api/projects/{id}', 'deleteProject', 'Projects', 'user', 'Delete a project'),
    description: 'Jobs that were made with it stay, and name it.',
    answers: [gone()],
    errors: PROJECT,
  },
  {
    ...route('GET', '/api/queue-status', 'getQueueStatus', 'Queues', 'user', 'How full the queues are'),
    description:
      'With `at`, operators see the queues as they were at a moment. `workers` are then those that had a job, and the times are of the hour before.',
    query: PastQuery,
    answers: [ok('The queues', QueueStatusAnswer)],
    errors: ['queue_unavailable', 'lists_unavailable', 'forbidden'],
  },
  {
    ...route('POST', '/api/webhooks', 'registerWebhook', 'Webhooks', 'user', 'Register a webhook'),
    description: 'From now on the events of your jobs are posted to its address, signed as Standard Webhooks has it.',
    body: RegisterWebhookRequest,
    answers: [{ status: 201, description: 'The webhook and its secret', type: WebhookWithSecret }],
    errors: [...WEBHOOKS, 'webhook_limit'],
  },
  {
    ...route('GET', '/api/webhooks', 'listWebhooks', 'Webhooks', 'user', 'Your webhooks'),
    answers: [ok('All of them, oldest first', WebhooksAnswer)],
    errors: WEBHOOKS,
  },
  {
    ...route('GET', '/api/webhooks/{id}', 'getWebhook', 'Webhooks', 'user', 'One webhook and its secret'),
    answers: [ok('The webhook', WebhookWithSecret)],
    errors: WEBHOOK,
  },
  {
    ...route('DELETE', '/api/webhooks/{id}', 'deleteWebhook', 'Webhooks', 'user', 'Delete a webhook'),
    description: 'What waits to be delivered to it is dropped.',
    answers: [gone()],
    errors: WEBHOOK,
  },
  {
    ...route('GET', '/api/webhooks/{id}/deliveries', 'listDeliveries', 'Webhooks', 'user', 'What was sent to it'),
    description: 'Newest first, with every try; kept for 30 days.',
    query: PageQuery,
    answers: [ok('A page of deliveries', WebhookDeliveriesPage)],
    errors: [...WEBHOOK, ...LIST],
  },
  {
    ...route('POST', '/api/webhooks/{id}/test', 'testWebhook', 'Webhooks', 'user', 'Send a test message'),
    description: 'Sends `webhook.test`. While one waits to be delivered, no other is made.',
    answers: [{ status: 202, description: 'It is on its way', type: WebhookTestAnswer }],
    errors: [...WEBHOOK, ...LIST],
  },
  {
    ...route('GET', '/api/credits', 'getCredits', 'Credits', 'user', 'Your credits'),
    answers: [ok('What can be spent and what is reserved', CreditsAnswer)],
    errors: ['queue_unavailable'],
  },
  {
    ...route(
      'POST',
      '/api/admin/credits',
      'grantCredits',
      'Credits',
      'operator',
      'Give a user credits or take them away',
    ),
    description:
      'With an `Idempotency-Key` the grant is made once; the same request again gets the same answer, and the header `Idempotent-Replayed: true`.',
    body: GrantCreditsRequest,
    headers: ['Idempotency-Key'],
    answers: [ok('The credits of the user after it', CreditsAnswer)],
    errors: ['balance_below_zero', 'idempotency_key_reuse', 'queue_unavailable'],
  },
  {
    ...route('GET', '/api/usage', 'listUsage', 'Credits', 'user', 'What your jobs cost, newest first'),
    description:
      'One entry for each job from its request on. It shows the reserved credits until the job ends, then what was charged.',
    query: ListUsageQuery,
    answers: [ok('A page of the usage log', UsagePage)],
    errors: LIST,
  },
  {
    ...route('GET', '/api/admin/workers', 'listWorkers', 'Operations', 'operator', 'The workers that are there'),
    description:
      'Those that were heard of in the last 15 seconds. A gateway that was just started hears of them first.',
    answers: [ok('The workers', WorkersAnswer)],
    errors: ['queue_unavailable'],
  },
  {
    ...route('GET', '/api/admin/metrics-summary', 'getMetricsSummary', 'Operations', 'operator', 'How well it goes'),
    description: 'The jobs of all users that ended in the last hours, what they took, and the queues now.',
    query: MetricsSummaryQuery,
    answers: [ok('The figures and their targets', MetricsSummary)],
    errors: LIST,
  },
  {
    ...route(
      'GET',
      '/api/admin/dead-letters',
      'listDeadLetters',
      'Operations',
      'operator',
      'What no worker could deal with, newest first',
    ),
    description: 'Kept for 30 days.',
    query: PageQuery,
    answers: [ok('A page of dead letters', DeadLettersPage)],
    errors: LIST,
  },
  {
    ...route('GET', '/api/job-types', 'listJobTypes', 'Queues', 'public', 'What can be made here'),
    answers: [ok('The catalogue', JobTypesAnswer)],
  },
  {
    ...route('GET', '/health/live', 'isLive', 'Operations', 'public', 'Whether the gateway runs'),
    answers: [ok('It does', LiveAnswer)],
  },
  {
    ...route('GET', '/health/ready', 'isReady', 'Operations', 'public', 'Whether requests can be served'),
    answers: [ok('They can', ReadyAnswer)],
    errors: ['queue_unavailable', 'storage_unavailable'],
  },
  {
    ...route('GET', '/metrics', 'getMetrics', 'Operations', 'public', 'Figures for Prometheus'),
    answers: [{ status: 200, description: 'The text format of Prometheus', media: 'text/plain' }],
  },
];

function route(method: Method, path: string, operation: string, tag: string, access: Access, summary: string) {
  return { method, path, operation, tag, access, summary } as const;
}

function ok(description: string, type: ContractClass): AnswerSpec {
  return { status: 200, description, type };
}

function gone(): AnswerSpec {
  return { status: 204, description: 'It is gone' };
}
