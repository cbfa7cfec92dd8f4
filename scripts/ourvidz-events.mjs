#!/usr/bin/env node
/** `npx ourvidz-events …`: installs and builds what is missing like `npm run …`, then runs the tool. */
process.argv.splice(2, 0, 'events');
await import('./run.mjs');
