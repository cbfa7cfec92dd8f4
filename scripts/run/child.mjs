import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { inCheckout, ROOT, withOwnPrograms } from './checkout.mjs';

/** npm passes on the Ctrl-C that the terminal has sent to everybody already: within this time it is the same one. */
const SAME_KEYSTROKE_MS = 300;
const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @typedef {object} ChildOptions
 * @property {NodeJS.ProcessEnv} [env] by default the checkout's programs come first
 * @property {string} [cwd] by default the checkout
 * @property {boolean} [ownSession] the terminal's signals reach it only through this process, each once; and it learns
 *   from its IPC channel when this process dies
 */

/**
 * Runs a program in the foreground.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {ChildOptions} [options]
 * @returns {Promise<number>} its exit code, as a shell would give it
 */
export function runChild(program, args, { env = withOwnPrograms(), cwd = ROOT, ownSession = false } = {}) {
  return new Promise((resolve, reject) => {
    /** @type {import('node:child_process').StdioOptions} */
    const stdio = ownSession ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit';
    const child = spawn(program, args, { cwd, env, stdio, detached: ownSession });
    const release = forwardSignals(child, ownSession);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      release();
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}

/**
 * A program of a package in `node_modules/.bin`.
 * @param {string} name
 */
export function installedProgram(name) {
  return inCheckout('node_modules', '.bin', name);
}

/**
 * Passes signals on for as long as the child runs.
 * @param {import('node:child_process').ChildProcess} child
 * @param {boolean} ownSession
 */
function forwardSignals(child, ownSession) {
  const listeners = FORWARDED.map((signal) => {
    let last = Number.NEGATIVE_INFINITY;
    const listener = () => {
      const again = performance.now() - last < SAME_KEYSTROKE_MS;
      last = performance.now();
      if (!again && !terminalSends(signal, ownSession)) child.kill(signal);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => listeners.forEach((release) => void release());
}

/**
 * A child in this process's session gets Ctrl-C from the terminal itself.
 * @param {NodeJS.Signals} signal
 * @param {boolean} ownSession
 */
function terminalSends(signal, ownSession) {
  return signal === 'SIGINT' && !ownSession && process.stdin.isTTY;
}
