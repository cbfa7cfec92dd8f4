/** Webhooks: what clients send, what they get, and what their receivers get (Standard Webhooks). */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  IsUrl,
  IsUUID,
  Matches,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { WEBHOOK_URL_MAX_CHARACTERS } from '../limits.js';
import {
  WEBHOOK_MESSAGE_TYPES,
  WEBHOOK_TEST,
  WEBHOOK_TOPIC_NAMES,
  type WebhookMessageType,
  type WebhookTopic,
} from '../webhook-topics.js';
import { CursorPage } from './cursor-page.js';
import { JobFacts, OutputFacts } from './job-facts.js';
import { OrNull } from './or-null.js';

/** The body of `POST /api/webhooks`. */
export class RegisterWebhookRequest {
  /** An `https` address on the internet, without credentials and fragment. */
  @IsString()
  @MaxLength(WEBHOOK_URL_MAX_CHARACTERS)
  url!: string;

  /** What to announce; left out: the three ways in which a job ends. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayUnique()
  @IsIn(WEBHOOK_TOPIC_NAMES, { each: true })
  events?: WebhookTopic[];
}

/** A webhook in a list. */
export class WebhookView {
  @IsUUID()
  id!: string;

  @IsString()
  url!: string;

  @IsIn(WEBHOOK_TOPIC_NAMES, { each: true })
  events!: readonly WebhookTopic[];

  @IsISO8601()
  created_at!: string;
}

/** A webhook with what its receiver needs. */
export class WebhookWithSecret extends WebhookView {
  /** `whsec_` and 32 bytes in base64: the key of the signatures. It stays the same. */
  @Matches(/^whsec_[A-Za-z0-9+/]{43}=$/)
  secret!: string;
}

export class WebhooksAnswer {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => WebhookView)
  webhooks!: readonly WebhookView[];
}

/** `delivered`: answered with 2xx. `failed`: given up. `dropped`: the webhook was removed before. */
export type WebhookDeliveryStatus = 'pending' | 'delivered' | 'failed' | 'dropped';
const WEBHOOK_DELIVERY_STATUSES: readonly WebhookDeliveryStatus[] = ['pending', 'delivered', 'failed', 'dropped'];

/** One try to deliver. */
export class WebhookAttemptView {
  /** From 1. */
  @IsInt()
  @IsPositive()
  attempt!: number;

  @IsISO8601()
  at!: string;

  @IsInt()
  @Min(0)
  duration_ms!: number;

  /** What the receiver answered, null when it did not answer. */
  @OrNull()
  @IsInt()
  status_code!: number | null;

  /** Why it counts as failed, null when it does not. */
  @OrNull()
  @IsString()
  error!: string | null;
}

/** One message to one webhook, with all tries. */
export class WebhookDeliveryView {
  /** `webhook-id` of the message, the same at every try. */
  @IsString()
  id!: string;

  @IsIn(WEBHOOK_MESSAGE_TYPES)
  event!: WebhookMessageType;

  /** Null for a test. */
  @OrNull()
  @IsUUID()
  job_id!: string | null;

  @IsIn(WEBHOOK_DELIVERY_STATUSES)
  status!: WebhookDeliveryStatus;

  @IsISO8601()
  created_at!: string;

  /** When it is tried next, null when it is not. */
  @OrNull()
  @IsISO8601()
  next_attempt_at!: string | null;

  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => WebhookAttemptView)
  attempts!: readonly WebhookAttemptView[];
}

export class WebhookDeliveriesPage extends CursorPage {
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => WebhookDeliveryView)
  deliveries!: readonly WebhookDeliveryView[];
}

export class WebhookTestAnswer {
  /** `webhook-id` of the message that is on its way. */
  @IsString()
  id!: string;
}

export class WebhookJobUrls {
  /** The job, with fresh addresses of its files; wants the owner's token. */
  @IsUrl()
  self!: string;
}

/** A job as receivers get it: in the field names of `GET /api/jobs/{id}`, without prompts and without signed addresses. */
export class WebhookJob extends JobFacts {
  /** The client's own keys of `metadata`, as they came. */
  @IsObject()
  metadata!: Readonly<Record<string, unknown>>;

  /** In index order, without addresses: those are signed and expire, so receivers ask for fresh ones. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => OutputFacts)
  assets!: readonly OutputFacts[];

  @ValidateNested()
  @Type(() => WebhookJobUrls)
  urls!: WebhookJobUrls;
}

/** What is posted to a receiver about a job. */
export class WebhookJobMessage {
  @IsIn(WEBHOOK_TOPIC_NAMES)
  type!: WebhookTopic;

  /** When it happened. */
  @IsISO8601()
  timestamp!: string;

  /** The job as it was then. */
  @ValidateNested()
  @Type(() => WebhookJob)
  data!: WebhookJob;
}

export class WebhookTestData {
  @IsUUID()
  webhook_id!: string;
}

/** What is posted to a receiver that is tested. */
export class WebhookTestMessage {
  @IsIn([WEBHOOK_TEST])
  type!: typeof WEBHOOK_TEST;

  @IsISO8601()
  timestamp!: string;

  @ValidateNested()
  @Type(() => WebhookTestData)
  data!: WebhookTestData;
}
