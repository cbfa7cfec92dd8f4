import { describe, expect, test } from 'vitest';
import { readConfiguration } from '../src/configuration.js';

describe('the configuration', () => {
  test('has defaults', () => {
    const given = { NATS_URL: 'nats://h:1', DATABASE_URL: 'postgres://h/d' };
    const streams = { replicas: 1, jobStreamMaxBytes: 4 * 1024 ** 3, accountStreamMaxBytes: 1024 ** 3 };
    expect(readConfiguration(given)).toMatchObject({ streams, health: undefined, logLevel: 'info' });
  });

  test('names everything that is missing or wrong at once', () => {
    const wrong = { DATABASE_URL: 'http://x', STREAM_REPLICAS: '2', HEALTH_PORT: '70000' };
    expect(() => readConfiguration(wrong)).toThrow(/NATS_URL.*DATABASE_URL.*STREAM_REPLICAS.*HEALTH_PORT/s);
  });
});
