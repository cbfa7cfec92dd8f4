import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceName } from '#contracts/rights.js';
import { unlessMissing } from './file-errors.js';

/** Where a platform keeps everything, unless DATA_DIR says otherwise. */
export const DEFAULT_DATA_DIR = '.data';

/**
 * Where the platform of a data folder is, for the tools that work on it. The addresses are those of the latest start:
 * they are good while process `pid` runs.
 */
export interface Connection {
  /** The launcher's. */
  pid: number;
  startedAt: string;
  api: { url: string; publicUrl: string };
  nats: {
    url: string;
    /** Files with what lets each service in; absent where the server wants nothing. */
    credentials?: Partial<Record<ServiceName, string>>;
  };
  /** With the password. */
  database: { url: string };
  assetStore: string;
  auth: {
    /** File with the HS256 key; null when the key came by the environment. */
    secretFile: string | null;
    issuer?: string;
    audience?: string;
  };
}

/** Path of the file in a data folder. */
function connectionFile(dataDir: string): string {
  return join(dataDir, 'connection.json');
}

/** Replaces the file in one step; only its owner may read it. */
export async function writeConnection(dataDir: string, connection: Connection): Promise<void> {
  const unfinished = `${connectionFile(dataDir)}.unfinished`;
  await writeFile(unfinished, `${JSON.stringify(connection, undefined, 2)}\n`, { mode: 0o600 });
  await chmod(unfinished, 0o600);
  await rename(unfinished, connectionFile(dataDir));
}

/** What the latest start wrote; undefined when there was none. */
export async function readConnection(dataDir: string): Promise<Connection | undefined> {
  const text = await unlessMissing(readFile(connectionFile(dataDir), 'utf8'));
  return text === undefined ? undefined : (JSON.parse(text) as Connection);
}
