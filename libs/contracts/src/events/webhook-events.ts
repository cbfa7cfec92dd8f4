/** What happens to the webhooks of an account. Each event carries all of them after it, so the last one tells all. */
import 'reflect-metadata';
import { Type } from 'class-transformer';
import { IsArray, IsIn, IsISO8601, IsOptional, IsString, IsUUID, MaxLength, ValidateNested } from 'class-validator';
import { WEBHOOK_URL_MAX_CHARACTERS } from '../limits.js';
import { WEBHOOK_TOPIC_NAMES, type WebhookTopic } from '../webhook-topics.js';

/** One webhook. Its secret is derived from its id and stands in no event. */
export class Webhook {
  @IsUUID()
  id!: string;

  /** Where deliveries go, as its owner wrote it. */
  @IsString()
  @MaxLength(WEBHOOK_URL_MAX_CHARACTERS)
  url!: string;

  @IsArray()
  @IsIn(WEBHOOK_TOPIC_NAMES, { each: true })
  events!: WebhookTopic[];

  @IsISO8601()
  createdAt!: string;
}

abstract class WebhookEvent {
  @IsUUID()
  webhookId!: string;

  @IsString()
  accountKey!: string;

  /** All webhooks of the account after this, in the order in which they were registered. */
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => Webhook)
  webhooks!: Webhook[];
}

export class WebhookRegistered extends WebhookEvent {}

/** Why a webhook is gone: its owner deleted it, or its receiver answered 410. */
export type WebhookRemovalReason = 'deleted' | 'gone';
const REMOVAL_REASONS: readonly WebhookRemovalReason[] = ['deleted', 'gone'];

export class WebhookRemoved extends WebhookEvent {
  @IsIn(REMOVAL_REASONS)
  reason!: WebhookRemovalReason;

  /** The user, where it was one. */
  @IsOptional()
  @IsString()
  removedBy?: string;
}
