import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { say } from './checkout.mjs';
import { installedProgram, runChild } from './child.mjs';

/**
 * Runs vitest, then prints the numbers alone on the last line, where every CI finds them.
 * @param {string[]} args
 * @returns {Promise<number>} 0 only when tests ran and all passed
 */
export async function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'ourvidz-tests-'));
  const file = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
    const code = await runChild(installedProgram('vitest'), ['run', ...reporters, ...args]);
    return conclude(existsSync(file) ? tally(JSON.parse(readFileSync(file, 'utf8'))) : { passed: 0, failed: 1 }, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {{ passed: number, failed: number }} numbers
 * @param {number} code vitest's exit code
 */
function conclude({ passed, failed }, code) {
  if (passed + failed === 0) say('No test ran.');
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return code === 0 && passed + failed === 0 ? 1 : code || Math.min(failed, 1);
}

/**
 * @typedef {object} Report vitest's JSON report, as far as it is read here
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {{ status: string, assertionResults: { status: string }[] }[]} testResults one for each file
 */

/**
 * A file that failed without a failing test (it could not be loaded, or its set-up threw) counts as one failure.
 * @param {Report} report
 */
export function tally({ numPassedTests, numFailedTests, testResults }) {
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return { passed: numPassedTests, failed: numFailedTests + broken.length };
}
