import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../src/configuration.js';

describe('the configuration', () => {
  test('has defaults', () => {
    const given = { NATS_URL: 'nats://h:1', DATABASE_URL: 'postgres://h/d' };
    const streams = { replicas: 1, jobStreamMaxBytes: 4 * 1024 ** 3, accountStreamMaxBytes: 1024 ** 3 };
    expect(readConfiguration(given)).toMatchObject({ streams, health: undefined, logLevel: 'info' });
  });

  test('with a webhook secret › wants the address that messages carry', () => {
    const given = { NATS_URL: 'nats://h:1', DATABASE_URL: 'postgres://h/d', WEBHOOK_SECRET: 'x'.repeat(32) };
    expect(() => readConfiguration(given)).toThrow('PUBLIC_URL is missing');
    const { webhooks } = readConfiguration({ ...given, PUBLIC_URL: 'https://x.example/', WEBHOOK_ALLOW_HTTP: '1' });
    expect(webhooks).toMatchObject({ publicUrl: 'https://x.example', allowHttp: true, allowPrivate: false });
    expect(() => readConfiguration({ ...given, WEBHOOK_SECRET: 'short' })).toThrow('WEBHOOK_SECRET');
  });

  test('with a key for receipts › wants 32 bytes of it', () => {
    const given = { NATS_URL: 'nats://h:1', DATABASE_URL: 'postgres://h/d' };
    const bytes = Buffer.alloc(32, 0xfb);
    const idOf = (text: string) => readConfiguration({ ...given, RECEIPT_SIGNING_KEY: text }).receiptKey?.public.key_id;
    expect(idOf(bytes.toString('base64'))).toMatch(/^[\w-]{43}$/);
    expect(idOf(bytes.toString('base64url'))).toBe(idOf(bytes.toString('base64')));
    expect(readConfiguration(given).receiptKey).toBeUndefined();
    for (const wrong of ['short', bytes.toString('hex'), `${bytes.toString('base64')}!`])
      expect(() => idOf(wrong)).toThrow('RECEIPT_SIGNING_KEY');
  });

  test('names everything that is missing or wrong at once', () => {
    const wrong = { DATABASE_URL: 'http://x', STREAM_REPLICAS: '2', HEALTH_PORT: '70000' };
    expect(() => readConfiguration(wrong)).toThrow(/NATS_URL.*DATABASE_URL.*STREAM_REPLICAS.*HEALTH_PORT/s);
  });
});
