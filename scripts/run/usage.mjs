/** @type {Record<string, string>} */
const USAGES = {
  start: `npm start -- [options]

  Starts the platform and keeps it running until Ctrl-C.

  --verbose   shows what the services report, not only warnings
  --demo      makes the demonstration job again
  --no-demo   does not make it at the first start
  --help      shows this

  Environment: PORT (3000; 0 takes a free one), HOST (127.0.0.1), PUBLIC_URL, DATA_DIR (.data), NATS_URL, DATABASE_URL,
  LOG_LEVEL, ENGINE (preview), AUTH_JWT_SECRET, ASSET_URL_SECRET, …; all are in docs/operations.md.
`,
  token: `npm run token -- --user NAME [options]

  Prints a token for the API on standard output, and nothing else (npm's own lines go away with: npm run -s token).

  --user NAME      the user (the token's "sub")
  --role ROLE      admin or service_role opens the operator routes
  --adult          the user may ask for adult content, where ALLOW_ADULT is set
  --expires TIME   how long it is valid: 30m, 1h (the default), 7d

  Environment: DATA_DIR (.data), AUTH_JWT_SECRET, AUTH_ISSUER, AUTH_AUDIENCE.
`,
  events: `npx ourvidz-events [command]

  Looks at the event log, proves it, and computes again what was computed from it: npx ourvidz-events --help.
`,
  test: `npm test -- [vitest's arguments]

  Runs the tests, and prints "N passed, N failed" as the last line.
`,
  chaos: `npm run chaos -- [options]

  Runs the platform under faults for two minutes and proves that nothing is lost, doubled or stuck.

  --jobs N          jobs to post (1000)
  --seconds S       over how long; faults come for as long (120)
  --fault-every MS  a fault so often (2000)
  --seed N          the same seed makes the same jobs and faults
  --short           a minute: 200 jobs in 25 s
  --json            prints JSON instead of tables
`,
  soak: `npm run soak -- [options]

  Runs the platform under faults while all projections are rebuilt again and again, some rebuilds killed half-way; then
  verifies the log and proves that rebuilt projections are the live ones.

  --minutes N  how long (5)
  --seed N     the same seed makes the same jobs, faults and kills
  --short      a minute in all
  --json       prints JSON instead of a table
`,
  bench: `npm run bench -- [options]

  Measures the platform and its peers side by side and prints tables; takes some minutes. See bench/README.md.

  --quick       shorter, and less to be trusted
  --only NAMES  only these parts, separated by commas
  --json        prints JSON instead of Markdown
`,
  check: `npm run check

  Formatting and lint (Biome), types (tsc), import rules (dependency-cruiser), unused code (knip).
`,
  build: `npm run build

  Compiles to dist/.
`,
  schemas: `npm run schemas

  Writes the JSON Schemas anew.
`,
};

/** All commands. */
export const USAGE = Object.values(USAGES).join('\n');

/**
 * One command.
 * @param {string} command
 */
export function usageOf(command) {
  return USAGES[command] ?? USAGE;
}
