import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  // The global setup runs here.
  environments: { __vitest__: { resolve: { conditions: ['source'] } } },
  test: {
    include: ['{libs,services,launcher,scripts,test,bench}/**/*.spec.ts'],
    environment: 'node',
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Much of the time is waiting: for servers to start, and for messages to come again.
    maxWorkers: 3,
  },
});
