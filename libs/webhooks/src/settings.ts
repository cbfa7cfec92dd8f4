import type { Environment } from '#service-kit/environment.js';
import type { TargetPolicy } from './target.js';

export interface WebhookSettings extends TargetPolicy {
  /** What the webhooks' own secrets are derived from: the same in gateway and jobs service. */
  readonly secret: string;
}

const SECRET_MIN_BYTES = 32;
const SWITCH = ['true', 'false', '1', '0'] as const;

/** Reads the `WEBHOOK_*` variables. Without `WEBHOOK_SECRET` there are no webhooks: undefined. */
export function readWebhookSettings(environment: Environment): WebhookSettings | undefined {
  const allowHttp = readSwitch(environment, 'WEBHOOK_ALLOW_HTTP');
  const allowPrivate = readSwitch(environment, 'WEBHOOK_ALLOW_PRIVATE');
  const secret = environment.optional('WEBHOOK_SECRET');
  if (secret === undefined) return undefined;
  const bytes = Buffer.byteLength(secret);
  if (bytes < SECRET_MIN_BYTES) {
    environment.problem(`WEBHOOK_SECRET must have at least ${SECRET_MIN_BYTES} bytes, not ${bytes}`, '');
  }
  return { secret, allowHttp, allowPrivate };
}

function readSwitch(environment: Environment, name: string): boolean {
  return ['true', '1'].includes(environment.oneOf(name, SWITCH, 'false'));
}
