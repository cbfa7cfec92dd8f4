/** How things are named: ids that can be told from each other, derived again, and put into a subject or path safely. */
import { createHash, randomUUID } from 'node:crypto';
import { COUNT_MAX } from './limits.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether it is a UUID in its canonical lower-case form. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

/** A new job id: a UUIDv7 (RFC 9562) whose last hex digit is 0, which leaves room for the ids of its assets. */
export function newJobId(): string {
  return `${uuidV7().slice(0, -1)}0`;
}

/** A new project id: a UUIDv7. */
export function newProjectId(): string {
  return uuidV7();
}

/** A new webhook id: a UUIDv7. */
export function newWebhookId(): string {
  return uuidV7();
}

/** A new event id: a UUIDv7, so that ids sort by time. */
export function newEventId(): string {
  return uuidV7();
}

/** Time of the newest id in milliseconds since 1970, and how many came before it in that millisecond. */
const newest = { ms: 0, earlier: 0 };
const MOST_IN_A_MS = 0xfff;

/**
 * A UUIDv7 with a counter in `rand_a` (RFC 9562, section 6.2, method 1): ids of one process sort as they were made. Node
 * keeps random bytes ready for `randomUUID`; asking for some each time would cost more than the rest of the id.
 */
function uuidV7(): string {
  const now = Date.now();
  const full = newest.earlier === MOST_IN_A_MS;
  newest.earlier = now > newest.ms || full ? 0 : newest.earlier + 1;
  newest.ms = Math.max(now, full ? newest.ms + 1 : newest.ms);
  const time = newest.ms.toString(16).padStart(12, '0');
  const counter = newest.earlier.toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}${randomUUID().slice(18)}`;
}

/** The job id that an idempotency key stands for: a UUIDv8 (RFC 9562) from the account and the key. */
export function jobIdForKey(accountKey: string, idempotencyKey: string): string {
  return `${uuidV8(`${accountKey}\n${idempotencyKey}`).slice(0, -1)}0`;
}

/** The id of the job that is another try of a failed one: the same however often it is tried. A key has no line breaks. */
export function retryJobId(accountKey: string, jobId: string): string {
  return `${uuidV8(`${accountKey}\nretry\n${jobId}`).slice(0, -1)}0`;
}

/** The project id that an idempotency key stands for. No job can have it: a key has no line breaks. */
export function projectIdForKey(accountKey: string, idempotencyKey: string): string {
  return uuidV8(`${accountKey}\nproject\n${idempotencyKey}`);
}

/** The id of the delivery of one event to one webhook: the same whoever works it out, and however often. */
export function deliveryIdOf(eventId: string, webhookId: string): string {
  return uuidV8(`${eventId}\n${webhookId}`);
}

/** The same UUIDv8 (RFC 9562) for the same name. */
function uuidV8(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`];
  return `${parts.join('-')}-${hex.slice(20, 32)}`;
}

/** An asset's id is its job's with the last hex digit = index + 1: whoever has it finds the job without a table. */
export function assetIdOf(jobId: string, index: number): string {
  if (!Number.isInteger(index) || index < 0 || index >= COUNT_MAX) throw new RangeError(`asset index ${index}`);
  return `${jobId.slice(0, -1)}${(index + 1).toString(16)}`;
}

/** The job and place of an asset, or undefined for an id that no asset can have. */
export function parseAssetId(assetId: string): { jobId: string; index: number } | undefined {
  if (!isUuid(assetId)) return undefined;
  const index = Number.parseInt(assetId.slice(-1), 16) - 1;
  if (index < 0 || index >= COUNT_MAX) return undefined;
  return { jobId: `${assetId.slice(0, -1)}0`, index };
}

/** The account of a user: a hash of `sub`, safe as a subject token and as a folder name. 32 hex digits. */
export function accountKeyOf(userId: string): string {
  return createHash('sha256').update(userId, 'utf8').digest('hex').slice(0, 32);
}

/** Where an asset lies in the store. Deterministic, so that a second attempt finds the output of the first. */
export function assetKey(at: {
  bucket: string;
  accountKey: string;
  jobId: string;
  index: number;
  extension: string;
}): string {
  return `${at.bucket}/${at.accountKey}/${at.jobId}/${at.index}.${at.extension}`;
}

/** Where the preview of an asset lies: beside it, so whoever deletes one finds the other. */
export function previewKey(key: string): string {
  return key.replace(/\.[a-z0-9]+$/, '.preview.webp');
}

/** The path of an asset's canonical, unsigned address. */
export function assetPath(key: string): string {
  return `/assets/${key}`;
}
