/** One example for each body that clients send or get. A spec holds them against the schemas. */
const JOB_ID = '0192f3a1-7c41-7d2e-9a53-5b1f0c8e4d20';
const ASSET_ID = '0192f3a1-7c41-7d2e-9a53-5b1f0c8e4d21';
const CURSOR = 'eyJ0IjoxNzYzOTg1NjAwMDAwfQ';
const BASE = 'http://localhost:3000';
const OUTPUT_KEY = `sdxl_image_fast/2bd806c97f0e00af1a1fc3328fa763a9/${JOB_ID}/0.png`;
const FILE = `${BASE}/assets/${OUTPUT_KEY}?expires=1763992800&signature=9f86d081884c7d65`;
const PREVIEW = FILE.replace('0.png', '0.preview.webp');

const URLS = {
  self: `${BASE}/api/jobs/${JOB_ID}`,
  events: `${BASE}/api/jobs/${JOB_ID}/events`,
  cancel: `${BASE}/api/jobs/${JOB_ID}/cancel`,
};

const JOB = {
  id: JOB_ID,
  user_id: 'alice',
  job_type: 'sdxl_image_fast',
  format: 'image',
  quality: 'fast',
  model_type: 'sdxl_image_fast',
  status: 'queued',
  metadata: {
    prompt: 'beautiful woman in garden',
    negative_prompt: 'bad anatomy, extra limbs, deformed',
    seed: 7,
    seeds: [7, 8, 9, 10, 11, 12],
    count: 6,
    credits: 1,
    bucket: 'sdxl_image_fast',
    model_variant: 'lustify_sdxl',
    queue: 'sdxl_queue',
    dual_worker_routing: true,
    negative_prompt_supported: true,
    created_timestamp: '2026-11-24T12:00:00.000Z',
    num_images: 6,
    engine: null,
    primary_asset: null,
    all_assets: [],
  },
  project_id: null,
  image_id: null,
  video_id: null,
  character_id: null,
  error_message: null,
  error_code: null,
  created_at: '2026-11-24T12:00:00.000Z',
  started_at: null,
  completed_at: null,
  progress: { percent: 0, stage: 'queued', step: 0, steps: 0 },
  queuePosition: 1,
  estimatedSeconds: 30,
  urls: URLS,
};

const ASSET = {
  id: ASSET_ID,
  job_id: JOB_ID,
  job_type: 'sdxl_image_fast',
  index: 0,
  media_type: 'image/png',
  width: 1024,
  height: 1024,
  duration_s: null,
  bytes: 1_482_113,
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  seed: 7,
  favorite: false,
  url: FILE,
  url_expires_at: '2026-11-24T14:00:00.000Z',
  preview_url: PREVIEW,
  created_at: '2026-11-24T12:00:05.000Z',
};

const SENT_AT = '2026-11-24T12:00:30.000Z';
const JOB_MESSAGE = {
  type: 'job.completed',
  timestamp: SENT_AT,
  data: {
    id: JOB_ID,
    user_id: 'alice',
    job_type: 'sdxl_image_fast',
    status: 'completed',
    metadata: { note: 'for the front page' },
    project_id: null,
    image_id: null,
    video_id: null,
    character_id: null,
    error_message: null,
    error_code: null,
    created_at: '2026-11-24T12:00:00.000Z',
    started_at: '2026-11-24T12:00:00.010Z',
    completed_at: SENT_AT,
    assets: [
      {
        id: ASSET_ID,
        index: 0,
        media_type: 'image/png',
        width: 1024,
        height: 1024,
        duration_s: null,
        bytes: 1_482_113,
        sha256: ASSET.sha256,
        seed: 7,
      },
    ],
    urls: { self: URLS.self },
  },
};

const QUEUE = { waiting: 3, processing: 1, workers: 1, averageSeconds: 29.9, estimatedWaitSeconds: 89.7 };

const WEBHOOK = {
  id: '0192f3a1-9f00-7c11-8a52-3d1b7e5c9a10',
  url: 'https://example.com/ourvidz',
  events: ['job.completed', 'job.failed', 'job.cancelled'],
  created_at: '2026-11-24T12:00:00.000Z',
};
const WEBHOOK_WITH_SECRET = { ...WEBHOOK, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw1mhVx7Q2kZ8=' };
const MESSAGE_ID = 'msg_5b1f0c8e-4d20-8d2e-9a53-0192f3a17c41';

const PROJECT_ID = '0192f3a0-1b2c-7e33-8d44-5b1f0c8e4d2f';
const PROJECT = {
  id: PROJECT_ID,
  original_prompt: 'a lighthouse at dawn',
  enhanced_prompt: 'A lighthouse at dawn, mist over the sea, soft golden light',
  character_id: null,
  created_at: '2026-11-24T11:59:00.000Z',
};
const IMAGE_ID = '4d3c2b1a-0f9e-4d8c-b7a6-958473625140';

const ENDED = { completed: 96, failed: 2, cancelled: 1 };
const GENERATED = { average: 24.1, median: 23.6, p95: 31.2, longest: 44.8 };
const WAITED = { average: 11.2, median: 6.4, p95: 41.9, longest: 66.3 };

/** By class name. */
export const EXAMPLES: Readonly<Record<string, unknown>> = {
  QueueJobRequest: { jobType: 'sdxl_image_fast', metadata: { prompt: 'beautiful woman in garden', credits: 1 } },
  QueueJobAnswer: {
    success: true,
    job: JOB,
    message: 'Job queued successfully',
    queueLength: 1,
    modelVariant: 'lustify_sdxl',
    jobType: 'sdxl_image_fast',
    queue: 'sdxl_queue',
    isSDXL: true,
    negativePromptSupported: true,
    queuePosition: 1,
    estimatedSeconds: 30,
    urls: URLS,
  },
  WebhookJobMessage: JOB_MESSAGE,
  WebhookTestMessage: { type: 'webhook.test', timestamp: SENT_AT, data: { webhook_id: JOB_ID } },
  JobView: JOB,
  JobsPage: { jobs: [JOB], next_cursor: CURSOR },
  AssetView: ASSET,
  ChangeAssetRequest: { favorite: true },
  MediaView: {
    id: IMAGE_ID,
    status: 'processing',
    url: FILE,
    urls: [FILE],
    preview_url: PREVIEW,
    job: { ...JOB, status: 'processing', image_id: IMAGE_ID, queuePosition: null },
  },
  CreateProjectRequest: { original_prompt: PROJECT.original_prompt },
  ChangeProjectRequest: { enhanced_prompt: PROJECT.enhanced_prompt },
  ProjectView: PROJECT,
  ProjectsPage: { projects: [PROJECT], next_cursor: null },
  JobHistoryPage: {
    events: [
      {
        sequence: 41,
        type: 'JobRequested',
        time: '2026-11-24T12:00:00.000Z',
        by: 'user',
        data: {
          job_type: 'sdxl_image_fast',
          prompt: PROJECT.enhanced_prompt,
          seeds: [7],
          credits: 1,
          project_id: PROJECT_ID,
        },
      },
      {
        sequence: 43,
        type: 'JobFailed',
        time: '2026-11-24T12:15:02.118Z',
        by: 'platform',
        attempt: 1,
        data: { error_code: 'generation_timeout', error_message: 'it took longer than 15 minutes', retryable: true },
      },
    ],
    next_cursor: null,
  },
  AssetsPage: { assets: [ASSET], next_cursor: null },
  RegisterWebhookRequest: { url: WEBHOOK.url, events: WEBHOOK.events },
  WebhookWithSecret: WEBHOOK_WITH_SECRET,
  WebhooksAnswer: { webhooks: [WEBHOOK] },
  WebhookTestAnswer: { id: MESSAGE_ID },
  WebhookDeliveriesPage: {
    deliveries: [
      {
        id: MESSAGE_ID,
        event: 'job.completed',
        job_id: JOB_ID,
        status: 'pending',
        created_at: '2026-11-24T12:00:30.000Z',
        next_attempt_at: '2026-11-24T12:00:35.412Z',
        attempts: [
          { attempt: 1, at: '2026-11-24T12:00:30.010Z', duration_ms: 84, status_code: 500, error: 'answered 500' },
        ],
      },
    ],
    next_cursor: null,
  },
  WorkerClaimRequest: { queues: ['sdxl_queue'], worker: 'gpu-1', wait_seconds: 30 },
  ClaimedJob: {
    id: JOB_ID,
    type: 'sdxl_image_fast',
    prompt: JOB.metadata.prompt,
    config: {
      size: '1024*1024',
      sample_steps: 25,
      sample_guide_scale: 6.5,
      frame_num: 1,
      enhance_prompt: false,
      expected_time: 25,
      content_type: 'image',
      file_extension: 'png',
    },
    user_id: JOB.user_id,
    created_at: JOB.created_at,
    negative_prompt: JOB.metadata.negative_prompt,
    video_id: null,
    image_id: null,
    character_id: null,
    model_variant: 'lustify_sdxl',
    bucket: 'sdxl_image_fast',
    metadata: { ...JOB.metadata, num_images: 1, seeds: [7], count: 1 },
    attempt: 1,
    lease_seconds: 60,
    uploads: [
      {
        index: 0,
        seed: 7,
        url: `${BASE}/assets/${OUTPUT_KEY}?attempt=1&max=5242880&type=image%2Fpng&exp=1795522500&sig=w8Xo`,
        method: 'PUT',
        content_type: 'image/png',
        max_bytes: 5242880,
        key: OUTPUT_KEY,
      },
    ],
  },
  JobCallbackRequest: { job_id: JOB_ID, attempt: 1, status: 'completed', assets: [OUTPUT_KEY] },
  JobCallbackAnswer: { success: true, message: 'The job is completed.' },
  UploadAnswer: { success: true, index: 0, key: OUTPUT_KEY, bytes: 1_742_221, sha256: 'ab'.repeat(32) },
  QueueStatusAnswer: {
    queueDepth: 5,
    queues: { sdxl_queue: QUEUE, wan_queue: { ...QUEUE, waiting: 1, processing: 0, averageSeconds: 251.5 } },
    mine: { waiting: 1, processing: 0 },
  },
  CreditsAnswer: { balance: 97, reserved: 3 },
  GrantCreditsRequest: { user_id: 'alice', amount: 50, reason: 'order 17' },
  UsagePage: {
    usage: [
      {
        user_id: 'alice',
        action: 'sdxl_image_fast',
        format: 'image',
        quality: 'fast',
        credits_consumed: 1,
        metadata: {
          job_id: JOB_ID,
          project_id: null,
          image_id: null,
          video_id: null,
          model_type: 'sdxl_image_fast',
          model_variant: 'lustify_sdxl',
          queue: 'sdxl_queue',
          dual_worker_routing: true,
          negative_prompt_supported: true,
          usage_timestamp: '2026-11-24T12:00:00.000Z',
          status: 'charged',
          settled_timestamp: '2026-11-24T12:00:30.000Z',
        },
        created_at: '2026-11-24T12:00:00.000Z',
      },
    ],
    next_cursor: null,
  },
  WorkersAnswer: {
    workers: [
      {
        id: 'gpu-host-1-5f0c8e4d',
        engine: 'sdxl',
        state: 'busy',
        job_id: JOB_ID,
        started_at: '2026-11-24T08:00:00.000Z',
        last_heard_at: '2026-11-24T12:00:03.000Z',
        outside: false,
      },
    ],
    engines: { sdxl: { workers: 1, busy: 1 }, wan: { workers: 0, busy: 0 }, enhancer: { workers: 0, busy: 0 } },
  },
  MetricsSummary: {
    since: '2026-11-23T13:00:00.000Z',
    targets: {
      success_rate: { actual: 0.9796, target: 0.95, met: true },
      queue_wait_seconds: { actual: 66.3, target: 300, met: true },
      queue_depth: { actual: 4, target: 10, met: true },
      api_response_ms: { actual: 21.4, target: 500, met: true },
    },
    jobs: ENDED,
    failures: [{ error_code: 'engine_failed', jobs: 2 }],
    waited: WAITED,
    job_types: [
      {
        job_type: 'sdxl_image_fast',
        ...ENDED,
        success_rate: 0.9796,
        waited: WAITED,
        generated: GENERATED,
        stored: { average: 0.4, median: 0.4, p95: 0.6, longest: 0.9 },
        made_seconds: { actual: 24.5, target: 29.9, met: true },
      },
    ],
    by_hour: [{ hour: '2026-11-24T12:00:00.000Z', ...ENDED }],
    queues: {
      sdxl_queue: { waiting: 3, processing: 1, workers: 1 },
      wan_queue: { waiting: 0, processing: 0, workers: 1 },
    },
  },
  JobReceipt: {
    statement: {
      job_id: JOB_ID,
      account_key: '2bd806c97f0e00af1a1fc3328fa763a9',
      job_type: 'sdxl_image_fast',
      status: 'completed',
      requested_at: '2026-11-24T12:00:00.000Z',
      ended_at: '2026-11-24T12:00:24.310Z',
      engine: { engine: 'preview', model: 'preview', version: '1', device: 'cpu' },
      assets: [{ id: ASSET_ID, index: 0, sha256: 'ab'.repeat(32), bytes: 1_402_113, media_type: 'image/png' }],
      credits: 1,
      settled_at: '2026-11-24T12:00:24.391Z',
      chain: { head: 'cd'.repeat(32), position: 4_711, events: 4, recorded_at: '2026-11-24T12:00:24.352Z' },
    },
    signature: {
      algorithm: 'Ed25519',
      key_id: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
      value: 'hgyY0il/MGCjP0JzlnLWG1PPOt7+09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr/MuM0KAg==',
    },
  },
  ReceiptKey: {
    algorithm: 'Ed25519',
    key_id: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    public_key:
      '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n',
  },
  DeadLettersPage: {
    dead_letters: [
      {
        at: '2026-11-24T12:04:30.000Z',
        reason: 'max_deliveries',
        consumer: 'sdxl-interactive',
        deliveries: 5,
        sequence: 41,
        subject: `ourvidz.job.sdxl.interactive.requested.${JOB_ID}`,
        job_id: JOB_ID,
        job_status: 'failed',
        outcome: 'job_failed',
      },
    ],
    next_cursor: null,
  },
  LiveAnswer: { status: 'live' },
  ReadyAnswer: { status: 'ready', nats: 'connected', asset_store: 'usable' },
  JobTypesAnswer: {
    jobTypes: [
      {
        jobType: 'video_fast',
        format: 'video',
        quality: 'fast',
        qualityWord: 'Good',
        modelVariant: 'wan_2_1_1_3b',
        queue: 'wan_queue',
        isSDXL: false,
        enhanced: false,
        negativePromptSupported: false,
        outputs: 1,
        maxOutputs: 1,
        mediaType: 'video/mp4',
        width: 480,
        height: 832,
        durationSeconds: 5.1875,
        referenceSeconds: 251.5,
        bucket: 'video_fast',
        bucketLimitBytes: 52_428_800,
        credits: 1,
        available: true,
      },
    ],
  },
};
