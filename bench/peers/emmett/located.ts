/**
 * Emmett, installed for the benchmark alone: its packages name no licence, so the project does not depend on them. What is
 * installed is fixed by the lock file in `packages`.
 */
import { execFile } from 'node:child_process';
import { access, cp, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { CACHE } from '../../src/bench-folder.js';

/** An event as its users write it. */
export interface EmmettEvent {
  readonly type: string;
  readonly data: unknown;
  readonly metadata: { readonly id: string; readonly time: string; readonly sequence: number };
}

/** A projection as emmett defines it. */
export type ProjectionDefinition = { readonly name?: string };

/** What is used of `@event-driven-io/emmett-postgresql`. */
export interface EmmettPostgres {
  getPostgreSQLEventStore(url: string): {
    appendToStream(stream: string, events: readonly EmmettEvent[]): Promise<unknown>;
    schema: { migrate(): Promise<unknown> };
    close(): Promise<void>;
  };
  pongoSingleStreamProjection<Document>(options: {
    readonly collectionName: string;
    readonly canHandle: readonly string[];
    readonly evolve: (document: Document | null, event: EmmettEvent) => Document | null;
  }): ProjectionDefinition;
  rebuildPostgreSQLProjections(options: {
    readonly connectionString: string;
    readonly projections: readonly ProjectionDefinition[];
    readonly pulling?: { readonly batchSize: number; readonly pullingFrequencyInMs: number };
  }): { start(): Promise<void>; close(): Promise<void> };
}

const INSTALLED = join(CACHE, 'emmett-0.42.0');
const LIMIT_MS = 180_000;

/** Rejects with the reason where it cannot be had. */
export async function loadEmmett(): Promise<EmmettPostgres> {
  if (!(await exists(INSTALLED))) await install();
  const require = createRequire(join(INSTALLED, 'package.json'));
  const entry = require.resolve('@event-driven-io/emmett-postgresql');
  return (await import(pathToFileURL(entry).href)) as EmmettPostgres;
}

async function install(): Promise<void> {
  process.stderr.write('Installing emmett for the benchmark\n');
  const unfinished = `${INSTALLED}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  const here = fileURLToPath(new URL('packages', import.meta.url));
  for (const name of ['package.json', 'package-lock.json']) await cp(join(here, name), join(unfinished, name));
  await promisify(execFile)('npm', ['ci', '--ignore-scripts'], { cwd: unfinished, timeout: LIMIT_MS });
  await rename(unfinished, INSTALLED);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
