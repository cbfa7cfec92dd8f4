import { join } from 'node:path';
import { tryLock } from '#scripts/lock.mjs';

/**
 * Takes a data folder for this process; the function gives it back. A launcher that was killed does not keep it.
 *
 * @throws when another launcher has it
 */
export function lockDataFolder(dataDir: string): () => void {
  const lock = tryLock(join(dataDir, 'launcher.lock'));
  if ('release' in lock) return lock.release;
  throw new Error(
    `${dataDir} is in use by another launcher (process ${lock.heldBy}). Stop it, or choose another folder and port: DATA_DIR=.data-2 PORT=0 npm start`,
  );
}
