import { installedProgram, runChild } from './child.mjs';

/** @typedef {{ name: string, program: string, args: string[] }} Check */

// Biome colours what it writes to a file or pipe too.
const COLOURS = process.stdout.isTTY ? [] : ['--colors=off'];
const CRUISED = ['--config', '.dependency-cruiser.cjs', 'services', 'libs', 'launcher', 'scripts', 'test', 'bench'];

/** @type {Check[]} */
const CHECKS = [
  { name: 'formatting and lint (biome)', program: installedProgram('biome'), args: ['ci', ...COLOURS, '.'] },
  { name: 'types (tsc)', program: installedProgram('tsc'), args: ['--noEmit'] },
  { name: 'import rules (dependency-cruiser)', program: installedProgram('depcruise'), args: CRUISED },
  { name: 'unused code (knip)', program: installedProgram('knip'), args: [] },
];

/**
 * Runs every check, also after one has failed, and says at the end which did.
 * @returns {Promise<number>} the exit code
 */
export async function runChecks() {
  const failed = [];
  for (const { name, program, args } of CHECKS) {
    process.stdout.write(`\n── ${name}\n`);
    if ((await runChild(program, args)) !== 0) failed.push(name);
  }
  process.stdout.write(failed.length === 0 ? '\nAll checks passed.\n' : `\nFailed: ${failed.join(', ')}.\n`);
  return failed.length === 0 ? 0 : 1;
}
