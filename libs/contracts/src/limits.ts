/** Every limit of the platform that more than one place must agree on. Each is written here and nowhere else. */

/** Characters of a prompt after trimming. */
export const PROMPT_MAX_CHARACTERS = 10_000;
/** A character outside the basic plane is two units of a string; the gateway counts characters after this. */
export const PROMPT_MAX_UNITS = PROMPT_MAX_CHARACTERS * 2;
/** What class-validator says about a longer one. */
export const PROMPT_TOO_LONG = { message: `$property must have at most ${PROMPT_MAX_CHARACTERS} characters` };
/** Characters of a search in prompts, and words in it. */
export const SEARCH_MAX_CHARACTERS = 200;
export const SEARCH_MAX_WORDS = 16;
/** Bytes of the other keys of a client's `metadata`, as JSON. */
export const CLIENT_METADATA_MAX_BYTES = 16 * 1024;
/** Characters of an idempotency key. */
export const IDEMPOTENCY_KEY_MAX_CHARACTERS = 255;
/** Bytes of an HTTP request body. */
export const BODY_MAX_BYTES = 256 * 1024;
/** Seeds are unsigned 32-bit numbers. */
export const SEED_MAX = 2 ** 32 - 1;
/** Outputs of one SDXL job. */
export const COUNT_MAX = 6;
/** Tokens that SDXL's text encoders read; what is beyond them is cut off. */
export const NEGATIVE_PROMPT_MAX_TOKENS = 77;
/** `metadata.credits` that a client may name. */
export const CREDITS_MAX = 1000;
/** Credits that one grant may give or take. */
export const CREDIT_GRANT_MAX = 1_000_000_000;
/** Characters of the reason of a grant. */
export const CREDIT_REASON_MAX_CHARACTERS = 500;
/** Open jobs that `MAX_QUEUED_PER_USER` may allow: each account event names all of them and must fit into a message. */
export const QUEUED_PER_USER_MAX = 10_000;
/** Characters of a user's `sub`. */
export const SUBJECT_MAX_CHARACTERS = 255;

/** Projects of one user. */
export const PROJECTS_MAX = 1000;
/** What one user may write of projects in an hour, at each gateway. */
export const PROJECT_KIB_PER_HOUR = 4 * 1024;
/** How often one user may make assets favourites, or none, in an hour, at each gateway. */
export const FAVORITES_PER_HOUR = 1000;
/** The share of the account stream's bytes above which it takes no more of projects, so that credits always fit. */
export const PROJECT_STREAM_SHARE = 0.5;

/** Webhooks of one user. */
export const WEBHOOKS_MAX = 10;
/** Characters of the address of a webhook. */
export const WEBHOOK_URL_MAX_CHARACTERS = 2_048;

/** `RATE_LIMIT` counts requests in a window of this length. */
export const REQUEST_WINDOW_MS = 60_000;
/** How soon a gateway tells the others what it let through. */
export const REQUEST_GOSSIP_MS = 200;
/** Event streams that one user may have open at one gateway. */
export const EVENT_STREAMS_MAX = 50;

/** Items of one page of a list. */
export const PAGE_LIMIT_MAX = 100;
export const PAGE_LIMIT_DEFAULT = 50;

/** Hours that a summary for operators may look back over. */
export const SUMMARY_HOURS_MAX = 30 * 24;
export const SUMMARY_HOURS_DEFAULT = 24;

/** How long one attempt of a generation may take. */
export const GENERATION_TIMEOUT_MS = 15 * 60_000;
/** How long the enhancement of one prompt may take, tries and waiting between them included. */
export const ENHANCEMENT_TIMEOUT_MS = 2 * 60_000;
/** Tokens that WAN's text encoder (umT5) reads of a prompt, its end mark included; what is beyond them is cut off. */
export const WAN_PROMPT_MAX_TOKENS = 512;
/** How long the server waits for an ack or a sign of life before it hands a job to another worker. */
export const ACK_WAIT_MS = 30_000;
/** How often a worker says that it is still at a job. */
export const WORKING_INTERVAL_MS = 10_000;
/** Times that a job is handed to a worker before it is a dead letter. */
export const MAX_DELIVERIES = 5;
/** Silence after which the worker of a job that has no delivery left counts as lost. */
export const WORKER_SILENCE_MS = 3 * ACK_WAIT_MS;
/** How long an outside worker may be silent before its job goes to another worker. */
export const OUTSIDE_LEASE_MS = 60_000;
/** How long a claim may wait for a job. */
export const CLAIM_WAIT_MAX_SECONDS = 30;
/** Characters of what an outside worker says about a failure; the rest is cut off. */
export const ERROR_MESSAGE_MAX_CHARACTERS = 2_000;
/** Least time between two progress messages of one job: at most four a second. */
export const PROGRESS_INTERVAL_MS = 250;
/** Least time between two live previews of one job. */
export const LIVE_PREVIEW_INTERVAL_MS = 1_000;
/** Bytes of the picture of one live preview; a larger one is not sent. */
export const LIVE_PREVIEW_MAX_BYTES = 64 * 1024;

/** Pixels across the small pictures of assets that lists show. */
export const PREVIEW_MAX_WIDTH = 320;

/** How long the job stream keeps events. */
export const JOB_STREAM_MAX_AGE_MS = 30 * 24 * 3_600_000;
/** The share of the job stream's bytes above which the gateway takes no new jobs, so that outcomes always fit. */
export const STREAM_FULL_SHARE = 0.9;
