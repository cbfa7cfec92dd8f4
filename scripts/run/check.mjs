import { existsSync } from 'node:fs';
import { inCheckout, platformNode } from './checkout.mjs';
import { installedProgram, runChild } from './child.mjs';

/** @typedef {{ name: string, program: string, args: string[] }} Check */

/** @returns {Check[]} */
function checks() {
  const all = [
    { name: 'formatting and lint (biome)', program: installedProgram('biome'), args: ['ci', '.'] },
    { name: 'types (tsc)', program: installedProgram('tsc'), args: ['--noEmit'] },
    { name: 'import rules (dependency-cruiser)', program: installedProgram('depcruise'), args: CRUISED },
    { name: 'unused code (knip)', program: installedProgram('knip'), args: [] },
  ];
  const schemas = { name: 'JSON Schemas are up to date', program: platformNode(), args: [SCHEMAS, '--check'] };
  return existsSync(inCheckout(SCHEMAS)) ? [...all, schemas] : all;
}

const CRUISED = ['--config', '.dependency-cruiser.cjs', 'services', 'libs', 'launcher', 'scripts', 'test'];
const SCHEMAS = 'scripts/schemas.mjs';

/**
 * Runs every check, also after one has failed, and says at the end which did.
 * @returns {Promise<number>} the exit code
 */
export async function runChecks() {
  const failed = [];
  for (const { name, program, args } of checks()) {
    process.stdout.write(`\n── ${name}\n`);
    if ((await runChild(program, args)) !== 0) failed.push(name);
  }
  process.stdout.write(failed.length === 0 ? '\nAll checks passed.\n' : `\nFailed: ${failed.join(', ')}.\n`);
  return failed.length === 0 ? 0 : 1;
}
