import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that `package.json` lies in. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The path of something in the checkout.
 * @param {string[]} parts
 */
export function inCheckout(...parts) {
  return join(ROOT, ...parts);
}

const PROGRAMS = inCheckout('node_modules', '.bin');

/** The Node.js that the platform runs on: the one that npm installed here, else the one that runs this. */
export function platformNode() {
  const own = join(PROGRAMS, 'node');
  return existsSync(own) ? own : process.execPath;
}

/** An environment in which the checkout's programs, its Node.js among them, come first. */
export function withOwnPrograms() {
  return { ...process.env, PATH: [PROGRAMS, ...foreignPath()].join(delimiter) };
}

/**
 * An environment without the checkout's programs: npm deletes them while it installs, and must not delete the Node.js
 * that it runs on.
 */
export function withoutOwnPrograms() {
  return { ...process.env, PATH: foreignPath().join(delimiter) };
}

function foreignPath() {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '' && folder !== PROGRAMS);
}

/**
 * Tells what is being done. On standard error: standard output belongs to the command's own result.
 * @param {string} message
 */
export function say(message) {
  process.stderr.write(`${message}\n`);
}
