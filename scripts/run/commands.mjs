import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildPlatform } from './build.mjs';
import { runChecks } from './check.mjs';
import { inCheckout, platformNode, ROOT, say, withOwnPrograms } from './checkout.mjs';
import { runChild } from './child.mjs';
import { installPackages } from './install.mjs';
import { whileLocked } from './lock.mjs';
import { runTests } from './test-run.mjs';
import { USAGE, usageOf } from './usage.mjs';

/**
 * @typedef {object} Command
 * @property {boolean} build whether it runs compiled code
 * @property {boolean} [ownHelp] whether it explains itself
 * @property {(args: string[]) => Promise<number>} run yields the exit code
 */

/** Flags with which Node.js runs TypeScript that nobody compiled. */
const TYPESCRIPT = [
  '--experimental-transform-types',
  '--disable-warning=ExperimentalWarning',
  `--import=${pathToFileURL(inCheckout('scripts', 'run', 'typescript-hooks.mjs'))}`,
];

/** @type {Record<string, Command>} */
const COMMANDS = {
  start: { build: true, run: startPlatform },
  token: { build: true, run: (args) => runChild(platformNode(), ['dist/launcher/src/token.js', ...args]) },
  events: { build: true, ownHelp: true, run: runEventsTool },
  test: { build: true, run: runTests },
  chaos: { build: true, run: (args) => runChild(platformNode(), [...TYPESCRIPT, 'test/chaos/main.ts', ...args]) },
  soak: { build: true, run: (args) => runChild(platformNode(), [...TYPESCRIPT, 'test/soak/main.ts', ...args]) },
  bench: { build: true, run: (args) => runChild(platformNode(), [...TYPESCRIPT, 'bench/src/main.ts', ...args]) },
  check: { build: false, run: runChecks },
  build: { build: true, run: async () => 0 },
  schemas: { build: true, run: () => runChild(platformNode(), [...TYPESCRIPT, 'libs/contracts/documents/main.ts']) },
};

/**
 * Runs one of the commands; says on standard error what is wrong when it cannot.
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export async function runCommand([name = '', ...args]) {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return explain(name);
  if (!command.ownHelp && (args.includes('--help') || args.includes('-h'))) {
    process.stdout.write(usageOf(name));
    return 0;
  }
  try {
    await prepare(command);
    return await command.run(args);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** @param {string} name */
function explain(name) {
  if (name !== '' && name !== '--help') say(`There is no command "${name}".`);
  process.stdout.write(USAGE);
  return name === '--help' ? 0 : 2;
}

/**
 * Two commands at once in one checkout must not install or build into each other's work.
 * @param {Command} command
 */
async function prepare({ build }) {
  const wait = (/** @type {number} */ holder) => say(`Waiting for process ${holder}, which installs or builds …`);
  await whileLocked(inCheckout('.cache', 'install.lock'), wait, async () => {
    await installPackages();
    if (build) await buildPlatform();
  });
}

/** @param {string[]} args */
function startPlatform(args) {
  const startedAt = String(Math.round(performance.timeOrigin));
  const env = { ...withOwnPrograms(), OURVIDZ_STARTED_AT: startedAt };
  return runChild(platformNode(), ['dist/launcher/src/main.js', ...args], { env, ownSession: true });
}

/** V8's young generation, in MiB: with its default a rebuild takes 120 MB more, and as much processor time. */
const YOUNG_SPACE = '--max-semi-space-size=4';

/**
 * In the folder of whoever called it, whose paths it is given; the data folder is where `npm start` has it.
 * @param {string[]} args
 */
function runEventsTool(args) {
  const env = { ...withOwnPrograms(), DATA_DIR: resolve(ROOT, process.env.DATA_DIR || '.data') };
  const tool = [YOUNG_SPACE, inCheckout('dist/services/jobs/src/events-tool/main.js')];
  return runChild(platformNode(), [...tool, ...args], { env, cwd: process.cwd() });
}
