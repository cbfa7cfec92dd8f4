/** The SQL of the log of deliveries. */
import type { WebhookAttemptView, WebhookDeliveryStatus } from '#contracts/http/webhooks.js';
import type { Queries } from '#contracts/queries.js';
import type { WebhookMessageType } from '#contracts/webhook-topics.js';
import type { Sql } from '../database/database.js';
import { messageId } from '../webhooks/message-id.js';
import { decodeCursor, Filter, pageLimit, pageOf } from './page.js';

type ListDeliveries = Queries['webhooks.deliveries'];

interface Row {
  readonly id: string;
  readonly type: WebhookMessageType;
  readonly job_id: string | null;
  readonly status: WebhookDeliveryStatus;
  readonly attempts: readonly WebhookAttemptView[];
  readonly next_attempt_at: Date | null;
  readonly created_at: Date;
}

export async function listDeliveries(sql: Sql, request: ListDeliveries['request']): Promise<ListDeliveries['answer']> {
  const { text, values } = listDeliveriesStatement(request);
  const rows = await sql.query<Row>(text, values);
  const page = pageOf(rows, pageLimit(request.limit), (row) => ({ time: row.created_at.getTime(), id: row.id }));
  return { deliveries: page.items.map(viewOf), nextCursor: page.nextCursor };
}

/** One row more than asked for tells whether there is another page. */
export function listDeliveriesStatement(request: ListDeliveries['request']): { text: string; values: unknown[] } {
  const after = request.cursor === undefined ? undefined : decodeCursor(request.cursor);
  const filter = new Filter()
    .add('webhook_id = ?', request.webhookId)
    .add('account_key = ?', request.accountKey)
    .add('(created_at, id) < (?::timestamptz, ?::uuid)', after && new Date(after.time), after?.id);
  const text = `select id, type, job_id, status, attempts, next_attempt_at, created_at from webhook_deliveries
     where ${filter.where} order by created_at desc, id desc limit ${pageLimit(request.limit) + 1}`;
  return { text, values: filter.values };
}

function viewOf({ id, type, job_id, status, attempts, next_attempt_at, created_at }: Row) {
  return {
    id: messageId(id),
    event: type,
    job_id,
    status,
    created_at: created_at.toISOString(),
    next_attempt_at: next_attempt_at?.toISOString() ?? null,
    attempts,
  };
}
