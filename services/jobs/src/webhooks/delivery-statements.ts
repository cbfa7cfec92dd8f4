/** The SQL of deliveries. */
import type { WebhookAttemptView } from '#contracts/http/webhooks.js';
import type { WebhookMessageType } from '#contracts/webhook-topics.js';
import type { Sql, Transaction } from '../database/database.js';
import type { NextStep } from './retrying.js';

/** A message on its way to one webhook. */
export interface Delivery {
  readonly id: string;
  readonly webhookId: string;
  readonly accountKey: string;
  readonly type: WebhookMessageType;
  readonly jobId?: string;
  readonly body: string;
}

/** A delivery whose time has come, with where it goes. */
export interface DueDelivery {
  readonly id: string;
  readonly webhookId: string;
  readonly accountKey: string;
  readonly url: string;
  readonly body: string;
  /** Tries that were made. */
  readonly attempts: number;
}

/** Locks the mark until the transaction ends, so that nobody else plans. Resolves with it. */
export async function lockMark(tx: Transaction): Promise<number> {
  const [row] = await tx.query<{ position: number }>('select position from webhook_checkpoint for update');
  if (!row) throw new Error('webhook_checkpoint has no row');
  return row.position;
}

export async function moveMark(tx: Transaction, position: number): Promise<void> {
  await tx.query('update webhook_checkpoint set position = $1', [position]);
}

/** How far readers of the webhooks projection see. */
export async function projectedPosition(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ position: number }>(
    "select position from projections where name = 'webhooks' and live",
  );
  return row?.position ?? 0;
}

/** Those that are there already stay as they are. Resolves with the number of new ones. */
export async function insertDeliveries(sql: Sql, deliveries: readonly Delivery[], now: number): Promise<number> {
  if (deliveries.length === 0) return 0;
  const rows = deliveries.map(({ id, webhookId, accountKey, type, jobId, body }) => {
    return { id, webhook_id: webhookId, account_key: accountKey, type, job_id: jobId, body };
  });
  const inserted = await sql.query(
    `insert into webhook_deliveries (id, webhook_id, account_key, type, job_id, status, body, next_attempt_at, created_at)
     select id, webhook_id, account_key, type, job_id, 'pending', body, $2, $2
       from jsonb_to_recordset($1::jsonb)
         as new (id uuid, webhook_id uuid, account_key text, type text, job_id uuid, body text)
     on conflict do nothing returning id`,
    [JSON.stringify(rows), new Date(now)],
  );
  return inserted.length;
}

/** The test message that waits for a webhook, if any. */
export async function waitingTest(sql: Sql, webhookId: string): Promise<string | undefined> {
  const [row] = await sql.query<{ id: string }>(
    "select id from webhook_deliveries where webhook_id = $1 and type = 'webhook.test' and status = 'pending'",
    [webhookId],
  );
  return row?.id;
}

/** What waits for webhooks that are gone will not be sent. Resolves with how many those were. */
export async function dropDeliveries(sql: Sql, webhookIds: readonly string[]): Promise<number> {
  if (webhookIds.length === 0) return 0;
  const dropped = await sql.query(
    `update webhook_deliveries set status = 'dropped', body = null, next_attempt_at = null
      where status = 'pending' and webhook_id = any($1::uuid[]) returning id`,
    [webhookIds],
  );
  return dropped.length;
}

/**
 * At most `perWebhook` of each webhook, so that one with many waiting does not hide the others; none of those under way
 * and none of the webhooks that have as many under way as they may.
 */
export function dueDeliveries(
  sql: Sql,
  now: number,
  but: { readonly underWay: readonly string[]; readonly busyWebhooks: readonly string[] },
  most: { readonly perWebhook: number; readonly all: number },
): Promise<DueDelivery[]> {
  return sql.query<DueDelivery & { next_attempt_at: Date }>(DUE, [
    new Date(now),
    but.underWay,
    but.busyWebhooks,
    most.perWebhook,
    most.all,
  ]);
}

export const DUE = `
  select due.id, webhook.id as "webhookId", webhook.account_key as "accountKey", webhook.url, due.body,
         jsonb_array_length(due.attempts) as attempts
    from webhooks webhook
   cross join lateral (
     select id, body, attempts, next_attempt_at from webhook_deliveries
      where webhook_id = webhook.id and status = 'pending' and next_attempt_at <= $1 and id <> all($2::uuid[])
      order by next_attempt_at limit $4
   ) due
   where webhook.removed_at is null and webhook.id <> all($3::uuid[])
   order by due.next_attempt_at limit $5`;

/** Adds a try and what follows from it. Nothing when somebody else has told of that try before. */
export async function recordAttempt(
  sql: Sql,
  deliveryId: string,
  attempt: WebhookAttemptView,
  step: NextStep,
  now: number,
): Promise<void> {
  const next = step.status === 'pending' ? new Date(now + step.waitMs) : null;
  await sql.query(
    `update webhook_deliveries
        set attempts = attempts || $2::jsonb, status = $3, next_attempt_at = $4,
            body = case when $4::timestamptz is null then null else body end
      where id = $1 and status = 'pending' and jsonb_array_length(attempts) = $5`,
    [deliveryId, JSON.stringify([attempt]), step.status, next, attempt.attempt - 1],
  );
}

/** Forgets what ended long ago. */
export async function deleteEnded(sql: Sql, before: number, most: number): Promise<number> {
  const deleted = await sql.query(
    `delete from webhook_deliveries where id in (
       select id from webhook_deliveries where created_at < $1 and status <> 'pending' order by created_at limit $2)
     returning id`,
    [new Date(before), most],
  );
  return deleted.length;
}
