import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { inCheckout, say, withoutOwnPrograms } from './checkout.mjs';
import { runChild } from './child.mjs';

const LOCKFILE = inCheckout('package-lock.json');
const STAMP = inCheckout('node_modules', '.installed');
/** What npm itself notes about what it has installed; written last, so an interrupted installation has none. */
const NPM_RECORD = inCheckout('node_modules', '.package-lock.json');

/**
 * Development packages build the platform; optional ones bring Node.js and PostgreSQL. Whatever NODE_ENV says. Errors only:
 * npm warns of every package that wants a newer Node.js than the one that installs, though none of them runs on that one.
 */
const NPM_ARGUMENTS = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];

/**
 * Installs the packages when they are missing or are not those of package-lock.json.
 * @throws with what to do when that fails
 */
export async function installPackages() {
  if (isInstalled()) return;
  say('Installing packages (npm ci); the first time this takes a minute or two …');
  // node-av would download a program that is not needed here, besides the library that it brings.
  const env = { ...withoutOwnPrograms(), npm_config_update_notifier: 'false', SKIP_FFMPEG: 'true' };
  const code = await runChild('npm', NPM_ARGUMENTS, { env }).catch(noNpm);
  if (code !== 0) throw new Error(failureMessage(code));
  writeFileSync(STAMP, lockfileDigest());
}

function isInstalled() {
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lockfileDigest()) return true;
  if (!existsSync(NPM_RECORD)) return false;
  // Somebody has run npm by hand.
  const complete = holdsAll(packagesIn(LOCKFILE), packagesIn(NPM_RECORD));
  if (complete) writeFileSync(STAMP, lockfileDigest());
  return complete;
}

function lockfileDigest() {
  return createHash('sha256').update(readFileSync(LOCKFILE)).digest('hex');
}

/** @typedef {Record<string, { version?: string, integrity?: string, optional?: boolean }>} Packages */

/**
 * @param {string} file
 * @returns {Packages}
 */
function packagesIn(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/**
 * Whether all wanted packages are there in their versions, and no other ones. Optional packages for other systems need
 * not be.
 * @param {Packages} wanted
 * @param {Packages} present
 */
export function holdsAll(wanted, present) {
  const missing = Object.entries(wanted).filter(([path, { version, optional }]) => {
    const found = present[path];
    return path !== '' && (found ? found.version !== version : !optional);
  });
  return missing.length === 0 && Object.keys(present).every((path) => path in wanted);
}

/**
 * @param {unknown} error
 * @returns {never}
 */
function noNpm(error) {
  const reason = error instanceof Error ? error.message : String(error);
  throw new Error(`npm cannot be run (${reason}). It comes with Node.js: https://nodejs.org/en/download`);
}

/** @param {number} code */
function failureMessage(code) {
  return [
    `The packages could not be installed (npm ended with code ${code}; its messages are above). Usual reasons:`,
    '  - this machine cannot reach the npm registry: check the network, or the proxy (npm config get proxy registry);',
    '  - the disk is full: about 1 GB is needed;',
    '  - the folder belongs to another user.',
  ].join('\n');
}
