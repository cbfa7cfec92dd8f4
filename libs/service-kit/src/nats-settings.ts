import { readFileSync } from 'node:fs';
import type { Environment } from './environment.js';

/** Where NATS is and how to be let in. */
export interface NatsSettings {
  readonly url: string;
  /** An nkey seed or the text of a `.creds` file. */
  readonly credentials?: string;
}

/** Reads `NATS_URL` and the file that `NATS_CREDS` names. */
export function readNatsSettings(environment: Environment): NatsSettings {
  const url = environment.text('NATS_URL');
  const path = environment.optional('NATS_CREDS');
  return { url, credentials: path === undefined ? undefined : readCredentials(environment, path) };
}

function readCredentials(environment: Environment, path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return environment.problem(`NATS_CREDS cannot be read: ${why}`, undefined);
  }
}
