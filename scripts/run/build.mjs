import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inCheckout, say } from './checkout.mjs';
import { installedProgram, runChild } from './child.mjs';

const STAMP = inCheckout('dist', '.sources.json');
const SOURCE_FOLDERS = ['services', 'libs', 'launcher', 'scripts'];
const CONFIGURATION = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];

/** @typedef {Record<string, string>} Sources paths within the checkout, each with a mark that changes with the file */

/**
 * Compiles when a source has changed, come or gone since the last time.
 * @throws when the compiler finds errors
 */
export async function buildPlatform() {
  const sources = sourcesNow();
  const built = sourcesBuilt();
  if (built && changes(built, sources).length === 0) return;
  say('Building …');
  for (const gone of built ? deleted(built, sources) : []) removeOutput(gone);
  const code = await runChild(installedProgram('tsc'), ['-p', 'tsconfig.build.json']);
  if (code !== 0) throw new Error('The build failed; the compiler’s messages are above.');
  mkdirSync(inCheckout('dist'), { recursive: true });
  writeFileSync(STAMP, JSON.stringify(sources));
}

/**
 * The paths that differ.
 * @param {Sources} before
 * @param {Sources} now
 */
export function changes(before, now) {
  const paths = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...paths].filter((path) => before[path] !== now[path]);
}

/**
 * The paths that were there before and are not now.
 * @param {Sources} before
 * @param {Sources} now
 */
export function deleted(before, now) {
  return Object.keys(before).filter((path) => !(path in now));
}

/** @returns {Sources} */
function sourcesNow() {
  const found = SOURCE_FOLDERS.flatMap((folder) => filesIn(folder));
  return Object.fromEntries([...CONFIGURATION, ...found].map((path) => [path, markOf(path)]));
}

/** @returns {Sources | undefined} */
function sourcesBuilt() {
  return existsSync(STAMP) ? JSON.parse(readFileSync(STAMP, 'utf8')) : undefined;
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesIn(folder) {
  const entries = readdirSync(inCheckout(folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesIn(path);
    return /(?<!\.spec)\.m?ts$/.test(path) || path.endsWith('.mjs') ? [path] : [];
  });
}

/** @param {string} path */
function markOf(path) {
  const { mtimeMs, size } = statSync(inCheckout(path));
  return `${mtimeMs} ${size}`;
}

/**
 * The compiler leaves the output of a deleted source where it was.
 * @param {string} source
 */
function removeOutput(source) {
  const output = inCheckout('dist', source.replace(/\.(m?)ts$/, '.$1js'));
  rmSync(output, { force: true });
  rmSync(`${output}.map`, { force: true });
}
