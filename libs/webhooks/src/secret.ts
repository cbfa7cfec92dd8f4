import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * The secret of one webhook as its owner gets it: `whsec_` and 32 bytes in base64. It is derived from the platform's own
 * secret, so it is kept nowhere and stands in no event.
 */
export function webhookSecret(platformSecret: string, webhookId: string): string {
  return `${PREFIX}${createHmac('sha256', platformSecret).update(webhookId).digest('base64')}`;
}

/** `webhook-signature` of Standard Webhooks: HMAC-SHA256 over id, time (Unix seconds) and body. */
export function signature(secret: string, message: { id: string; timestamp: number; body: string }): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const { id, timestamp, body } = message;
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
