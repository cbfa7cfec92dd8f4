/** The import rules of ARCHITECTURE.md. `npm run check` runs them; each one breaks the build. */

/** `documents` writes the documents of the contracts; it runs on the machines of developers only. */
const TESTS = '(\\.spec\\.ts$|^test/|^(libs|services)/[^/]+/test/|^libs/contracts/documents/)';
/** The specs of a room may use what the room may not. */
const PRODUCTION = { pathNot: TESTS };
/** Measures peers and the bare clients beside the platform. */
const BENCHMARK = '^bench/';
const CLIENTS_OF_NATS = '^node_modules/@nats-io/(jetstream|transport-node|nats-core|nuid)/';
const CLIENTS_OF_POSTGRES = '^node_modules/(pg|pg-[^/]+|typeorm)/';
const FRAMEWORKS = '^node_modules/(@nestjs|@nats-io|@fastify|fastify|typeorm|pg|rxjs|reflect-metadata|class-[^/]+)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'contracts-import-nothing-of-ours',
      comment: 'Everybody shares the contracts, so they depend on nobody.',
      severity: 'error',
      from: { path: '^libs/contracts/src/', ...PRODUCTION },
      to: { path: '^(libs|services|launcher|scripts|test)/', pathNot: '^libs/contracts/' },
    },
    {
      name: 'domain-is-plain-typescript',
      comment: 'Folds and deciders know no framework and no input or output: time and ids come in as arguments.',
      severity: 'error',
      from: { path: '^libs/contracts/src/domain/', ...PRODUCTION },
      to: { path: FRAMEWORKS },
    },
    {
      name: 'domain-does-no-io',
      comment: 'No clock, no randomness, no files: the same input always gives the same decision.',
      severity: 'error',
      from: { path: '^libs/contracts/src/domain/', ...PRODUCTION },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'content-policy-is-plain-typescript',
      comment: 'Rules over words: whoever sends a prompt to an engine may use them, and they need nobody.',
      severity: 'error',
      from: { path: '^libs/content-policy/src/', ...PRODUCTION },
      to: { path: ['^(libs|services|launcher|scripts|test)/', '^node_modules/'], pathNot: '^libs/content-policy/' },
    },
    {
      name: 'no-service-imports-a-service',
      comment: 'Services speak through NATS. What two of them share is a library.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'libraries-know-no-program',
      comment: 'Libraries are used by services and by the launcher, never the other way round.',
      severity: 'error',
      from: { path: '^libs/', ...PRODUCTION },
      to: { path: '^(services|launcher|scripts)/' },
    },
    {
      name: 'launcher-starts-services-as-processes',
      comment: 'It does not load their code.',
      severity: 'error',
      from: { path: '^launcher/' },
      to: { path: '^services/' },
    },
    {
      name: 'services-know-no-launcher',
      comment: 'In Kubernetes there is none.',
      severity: 'error',
      from: { path: '^services/', ...PRODUCTION },
      to: { path: '^(launcher|scripts)/' },
    },
    {
      name: 'nats-only-in-eventing',
      comment: 'One room knows the client library.',
      severity: 'error',
      from: { pathNot: ['^libs/eventing/', '^node_modules/', TESTS, BENCHMARK] },
      to: { path: CLIENTS_OF_NATS },
    },
    {
      name: 'nkeys-only-where-identities-are-made',
      comment: 'The launcher makes a NATS user for each service. It makes keys; it does not speak to NATS.',
      severity: 'error',
      from: { pathNot: ['^libs/eventing/', '^launcher/src/secrets\\.ts$', '^node_modules/', TESTS, BENCHMARK] },
      to: { path: '^node_modules/@nats-io/nkeys/' },
    },
    {
      name: 'postgres-only-in-jobs',
      comment: 'The other services can be run in any number because they have no database.',
      severity: 'error',
      from: { pathNot: ['^services/jobs/', '^node_modules/', TESTS, BENCHMARK] },
      to: { path: CLIENTS_OF_POSTGRES },
    },
    {
      name: 'production-imports-no-test',
      severity: 'error',
      from: { path: '^(libs|services|launcher|scripts)/', ...PRODUCTION },
      to: { path: TESTS },
    },
    {
      name: 'nobody-imports-the-benchmark',
      severity: 'error',
      from: { pathNot: BENCHMARK },
      to: { path: BENCHMARK },
    },
    {
      name: 'no-development-package-in-production',
      comment: 'The images are made without them.',
      severity: 'error',
      from: { path: '^(libs|services)/', ...PRODUCTION },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Type-only imports count as well: a rule about knowledge is broken by knowing.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'require', 'node', 'default'],
    },
  },
};
