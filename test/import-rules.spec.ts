import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ScratchFolder, scratchFolder } from './support/scratch-folder.js';

const inCheckout = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const CRUISER = inCheckout('node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');

/** What is forbidden: the rule, the file that breaks it, and what the file imports. */
const FORBIDDEN: [rule: string, file: string, imported: string][] = [
  ['contracts-import-nothing-of-ours', 'libs/contracts/src/a.ts', '../../eventing/src/bus.js'],
  ['domain-is-plain-typescript', 'libs/contracts/src/domain/b.ts', '@nestjs/common'],
  ['domain-does-no-io', 'libs/contracts/src/domain/c.ts', 'node:crypto'],
  ['no-service-imports-a-service', 'services/gateway/src/d.ts', '../../jobs/src/log.js'],
  ['libraries-know-no-program', 'libs/worker/src/e.ts', '../../../launcher/src/poll.js'],
  ['launcher-starts-services-as-processes', 'launcher/src/f.ts', '../../services/jobs/src/log.js'],
  ['services-know-no-launcher', 'services/gateway/src/g.ts', '../../../launcher/src/poll.js'],
  ['nats-only-in-eventing', 'services/gateway/src/h.ts', '@nats-io/jetstream'],
  ['nkeys-only-where-identities-are-made', 'services/gateway/src/i.ts', '@nats-io/nkeys'],
  ['postgres-only-in-jobs', 'services/gateway/src/j.ts', 'pg'],
  ['production-imports-no-test', 'libs/worker/src/k.ts', '../../../test/support/servers.js'],
  ['no-development-package-in-production', 'libs/worker/src/l.ts', 'vitest'],
  ['nothing-unresolvable', 'libs/worker/src/m.ts', 'not-there'],
];

const ALLOWED: [file: string, imported: string][] = [
  ['libs/eventing/src/bus.ts', '@nats-io/jetstream'],
  ['services/jobs/src/log.ts', 'pg'],
  ['services/gateway/src/n.ts', '../../../libs/eventing/src/bus.js'],
  ['services/gateway/test/o.ts', '../../../test/support/servers.js'],
  ['test/support/servers.ts', '../../launcher/src/poll.js'],
  ['launcher/src/poll.ts', 'node:timers'],
  ['launcher/src/secrets.ts', '@nats-io/nkeys'],
];

/** Two modules that import each other. */
const CYCLE: [file: string, imported: string][] = [
  ['libs/worker/src/p.ts', './q.js'],
  ['libs/worker/src/q.ts', './p.js'],
];

let folder: ScratchFolder;
let violations: string[];

beforeAll(async () => {
  folder = await scratchFolder();
  const modules = [...FORBIDDEN.map(([, file, imported]) => [file, imported] as const), ...ALLOWED, ...CYCLE];
  for (const [file, imported] of modules) await write(file, `import * as x from '${imported}';\nexport { x };\n`);
  const packages = ['@nestjs/common', '@nats-io/jetstream', '@nats-io/nkeys', 'pg', 'vitest'];
  for (const name of packages) await write(`node_modules/${name}/index.js`, '');
  await write(
    'package.json',
    JSON.stringify({ dependencies: versions(packages.slice(0, -1)), devDependencies: versions(['vitest']) }),
  );
  await write('tsconfig.json', '{}');
  violations = await cruise();
});

afterAll(() => folder.remove());

describe('the import rules', () => {
  it.each(FORBIDDEN)('%s: %s must not import %s', (rule, file) => {
    expect(violations).toContain(`${rule} ${file}`);
  });

  it('no-cycles: two modules must not import each other', () => {
    expect(violations).toContain('no-cycles libs/worker/src/p.ts');
  });

  it.each(ALLOWED)('%s may import %s', (file) => {
    expect(violations.filter((violation) => violation.endsWith(` ${file}`))).toEqual([]);
  });
});

function versions(packages: string[]): Record<string, string> {
  return Object.fromEntries(packages.map((name) => [name, '*']));
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder.path, path)), { recursive: true });
  await writeFile(join(folder.path, path), text);
}

/** Each violation as `<rule> <file>`. */
async function cruise(): Promise<string[]> {
  const args = [
    '--config',
    inCheckout('.dependency-cruiser.cjs'),
    '-T',
    'json',
    'services',
    'libs',
    'launcher',
    'test',
  ];
  const failed = (error: { stdout: string }) => error;
  const { stdout } = await promisify(execFile)(process.execPath, [CRUISER, ...args], { cwd: folder.path }).catch(
    failed,
  );
  const { summary } = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  return summary.violations.map(({ from, rule }) => `${rule.name} ${from}`);
}
