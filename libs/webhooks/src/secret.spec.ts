import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { signature, webhookSecret } from './secret.js';

const PLATFORM_SECRET = 'a secret of the platform, 32 bytes or more';

describe('the secret of a webhook', () => {
  it('is the same for the same webhook, and another for any other one', () => {
    const secret = webhookSecret(PLATFORM_SECRET, 'one');
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(webhookSecret(PLATFORM_SECRET, 'one')).toBe(secret);
    expect(webhookSecret(PLATFORM_SECRET, 'two')).not.toBe(secret);
    expect(webhookSecret(`${PLATFORM_SECRET}!`, 'one')).not.toBe(secret);
  });
});

describe('a signature', () => {
  const secret = webhookSecret(PLATFORM_SECRET, 'one');
  const timestamp = Math.floor(Date.now() / 1000);
  const message = { id: 'msg_1', timestamp, body: '{"type":"job.completed","data":"ü🌄"}' };
  const headers = {
    'webhook-id': message.id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature(secret, message),
  };

  it('is what the reference implementation of Standard Webhooks makes and takes', () => {
    const reference = new Webhook(secret);
    expect(reference.sign(message.id, new Date(timestamp * 1000), message.body)).toBe(headers['webhook-signature']);
    expect(reference.verify(message.body, headers)).toMatchObject({ type: 'job.completed' });
  });

  it('holds for nothing but its message', () => {
    const reference = new Webhook(secret);
    expect(() => reference.verify(`${message.body} `, headers)).toThrow();
    expect(() => reference.verify(message.body, { ...headers, 'webhook-id': 'msg_2' })).toThrow();
    expect(() => new Webhook(webhookSecret(PLATFORM_SECRET, 'two')).verify(message.body, headers)).toThrow();
  });
});
