import { describe, expect, it } from 'vitest';
import { LAUNCHED, type PlatformFacts, serviceEnvironment } from './services.js';

const facts: PlatformFacts = {
  host: '127.0.0.1',
  port: 3000,
  publicUrl: 'http://127.0.0.1:3000',
  natsUrl: 'nats://127.0.0.1:4222',
  natsCreds: {
    jobs: '/jobs.nk',
    gateway: '/gateway.nk',
    'sdxl-worker': '/sdxl.nk',
    'wan-worker': '/wan.nk',
    enhancer: '/enhancer.nk',
  },
  databaseUrl: 'postgresql://secret-of-postgres',
  assetStore: 'file:/assets',
  assetUrlSecret: 'secret-of-addresses',
  tokenSecret: 'secret-of-tokens',
  webhookSecret: 'secret-of-webhooks',
  receiptSigningKey: 'secret-of-receipts',
};

describe('serviceEnvironment', () => {
  it.each([
    ['jobs', ['secret-of-postgres', 'secret-of-webhooks', 'secret-of-receipts']],
    ['gateway', ['secret-of-addresses', 'secret-of-tokens', 'secret-of-webhooks']],
    ['sdxl-worker', []],
    ['wan-worker', []],
    ['enhancer', []],
  ] as const)('%s › knows its own secrets and no other', (service, expected) => {
    const text = JSON.stringify(serviceEnvironment(service, facts, { AUTH_JWT_SECRET: 'x', SOME_TOKEN: 'y' }));
    const secrets = ['postgres', 'addresses', 'tokens', 'webhooks', 'receipts'].map((what) => `secret-of-${what}`);
    expect(secrets.filter((one) => text.includes(one))).toEqual(expected);
    expect(text).not.toContain('SOME_TOKEN');
  });

  it('every service › is let in by its own key', () => {
    const keys = LAUNCHED.map((service) => serviceEnvironment(service, facts, {}).NATS_CREDS);
    expect(keys).toEqual(['/jobs.nk', '/gateway.nk', '/sdxl.nk', '/wan.nk', '/enhancer.nk']);
  });

  it('settings of the environment › reach the services that have a use for them', () => {
    const switches = { WEBHOOK_ALLOW_HTTP: 'true', WEBHOOK_ALLOW_PRIVATE: 'true' };
    for (const service of ['gateway', 'jobs'] as const)
      expect(serviceEnvironment(service, facts, switches)).toMatchObject(switches);
    const own = { MAX_QUEUE_DEPTH: '5', PREVIEW_DURATION_MS: '0', LOG_LEVEL: 'debug' };
    expect(serviceEnvironment('gateway', facts, own)).toMatchObject({ MAX_QUEUE_DEPTH: '5', LOG_LEVEL: 'debug' });
    expect(serviceEnvironment('sdxl-worker', facts, own)).toMatchObject({ PREVIEW_DURATION_MS: '0' });
    expect(serviceEnvironment('jobs', facts, own)).not.toHaveProperty('MAX_QUEUE_DEPTH');
  });

  it('new users › have credits unless the environment says how many', () => {
    expect(serviceEnvironment('gateway', facts, {})).toMatchObject({ INITIAL_CREDITS: '100' });
    const own = { INITIAL_CREDITS: '0', JOB_CREDITS: 'video_high=5', MAX_QUEUED_PER_USER: '7' };
    expect(serviceEnvironment('gateway', facts, own)).toMatchObject(own);
  });

  it('the enhancer › has an engine of its own, whose key nobody else knows', () => {
    const own = {
      ENGINE: 'http',
      ENHANCER_ENGINE: 'http',
      ENHANCER_ENGINE_URL: 'http://llm',
      ENHANCER_ENGINE_API_KEY: 'k',
    };
    expect(serviceEnvironment('enhancer', facts, own)).toMatchObject({
      ENGINE: 'http',
      ENGINE_URL: 'http://llm',
      ENGINE_API_KEY: 'k',
    });
    expect(serviceEnvironment('enhancer', facts, { ENGINE: 'http' })).not.toHaveProperty('ENGINE');
    expect(JSON.stringify(serviceEnvironment('sdxl-worker', facts, own))).not.toContain('ENHANCER');
  });
});
