import { describe, expect, it } from 'vitest';
import { readConfiguration } from './configuration.js';

const RIGHT = {
  NATS_URL: 'nats://127.0.0.1:4222',
  AUTH_JWT_SECRET: 'x'.repeat(32),
  ASSET_STORE: 'file:/srv/assets',
  ASSET_URL_SECRET: 'y'.repeat(32),
};

describe('the configuration', () => {
  it('needs little', () => {
    expect(readConfiguration(RIGHT)).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      publicUrl: undefined,
      maxQueueDepth: 1000,
      maxQueuedPerUser: 100,
      initialCredits: 0,
      prices: { sdxl_image_fast: 1, video_high: 1 },
      rateLimit: 600,
      allowAdult: false,
      corsOrigins: '*',
      servedRoutes: ['sdxl', 'wan', 'wan-enhanced'],
      assets: { urlTtlSeconds: 3600 },
    });
  });

  it('names everything that is missing in one message', () => {
    expect(() => readConfiguration({})).toThrow(
      /NATS_URL.*AUTH_JWT_SECRET or AUTH_JWKS_URL.*ASSET_STORE.*ASSET_URL_SECRET/s,
    );
  });

  it.each([
    ['AUTH_JWT_SECRET', 'short'],
    ['AUTH_JWKS_URL', 'keys'],
    ['ASSET_URL_SECRET', 'short'],
    ['ASSET_STORE', 's3:bucket'],
    ['ASSET_URL_TTL_S', '0'],
    ['PORT', '70000'],
    ['PUBLIC_URL', 'ftp://x'],
    ['NATS_CREDS', '/does/not/exist'],
    ['MAX_QUEUE_DEPTH', 'many'],
    ['MAX_QUEUED_PER_USER', '10001'],
    ['INITIAL_CREDITS', '-1'],
    ['JOB_CREDITS', 'video_high=0'],
    ['JOB_CREDITS', 'sdxl_video=1'],
    ['JOB_CREDITS', 'video_high:5'],
    ['RATE_LIMIT', '-1'],
    ['WEBHOOK_SECRET', 'short'],
    ['WORKER_TOKEN', 'short'],
    ['WORKER_TOKEN', 'a token with spaces in it, long enough'],
    ['WEBHOOK_ALLOW_HTTP', 'maybe'],
    ['WEBHOOK_ALLOW_PRIVATE', 'maybe'],
    ['SERVED_ROUTES', 'sdxl,other'],
    ['ALLOW_ADULT', 'maybe'],
    ['CORS_ORIGINS', 'https://example.org/path'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%s by its name, and does not repeat secrets', (name, value) => {
    expect(() => readConfiguration({ ...RIGHT, [name]: value })).toThrow(name);
    if (name.endsWith('SECRET')) expect(() => readConfiguration({ ...RIGHT, [name]: value })).not.toThrow(value);
  });

  it('takes prices that differ from the catalogue', () => {
    const { prices } = readConfiguration({ ...RIGHT, JOB_CREDITS: 'video_high=5, sdxl_image_fast = 2' });
    expect(prices).toMatchObject({ video_high: 5, sdxl_image_fast: 2, video_fast: 1 });
  });

  it('takes several origins and routes', () => {
    const configuration = readConfiguration({
      ...RIGHT,
      CORS_ORIGINS: 'https://a.example, https://b.example',
      SERVED_ROUTES: 'wan, sdxl',
      PUBLIC_URL: 'https://x.example/',
    });
    expect(configuration).toMatchObject({
      corsOrigins: ['https://a.example', 'https://b.example'],
      servedRoutes: ['sdxl', 'wan'],
      publicUrl: 'https://x.example',
    });
  });
});
