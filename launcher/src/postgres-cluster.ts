import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { unlessMissing } from '#service-kit/file-errors.js';
import { type Account, makeReachable, makeRunnable, serviceAccount } from './postgres-account.js';
import { locatePostgres, type PostgresBinaries } from './postgres-binary.js';

/** The database user that owns everything. */
export const POSTGRES_USER = 'ourvidz';

/** A data folder that a server can be started on. */
export interface PostgresCluster {
  binaries: PostgresBinaries;
  account: Account | undefined;
  /** PostgreSQL's own data folder, inside the one that the caller named. */
  folder: string;
  password: string;
}

/** What a new data folder is made with. */
export interface ClusterOptions {
  dataDir: string;
  /** Name of the database to create. */
  database: string;
  /** Whether to flush the new files to the disk. */
  durable: boolean;
  log: (message: string) => void;
}

/** Finds the programs for the data folder, and makes its contents at the first start. */
export async function prepareCluster(options: ClusterOptions): Promise<PostgresCluster> {
  const account = await serviceAccount();
  // PostgreSQL's account has to pass through; what lies in the folder is closed to others by its own modes.
  await mkdir(options.dataDir, { recursive: true, mode: account ? 0o711 : 0o700 });
  const folder = join(options.dataDir, 'cluster');
  const made = await unlessMissing(readFile(join(folder, 'PG_VERSION'), 'utf8'));
  const binaries = await makeRunnable(account, await locatePostgres(made === undefined ? undefined : Number(made)));
  const cluster = { binaries, account, folder, password: await readOrMakePassword(options.dataDir, account) };
  if (made === undefined) await createCluster(cluster, options);
  return cluster;
}

function passwordFile(dataDir: string): string {
  return join(dataDir, 'password');
}

/** The account must own the file to read it in `initdb`; root can read it anyway. */
async function readOrMakePassword(dataDir: string, account: Account | undefined): Promise<string> {
  const file = passwordFile(dataDir);
  const known = (await unlessMissing(readFile(file, 'utf8')))?.trim();
  if (known) return known;
  const password = randomBytes(24).toString('base64url');
  await rm(file, { force: true });
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  if (account) await chown(file, account.uid, account.gid);
  return password;
}

/** The folder gets its final name when it is complete, so that a kill on the way leaves nothing that looks usable. */
async function createCluster(cluster: PostgresCluster, options: ClusterOptions): Promise<void> {
  options.log(`Creating the PostgreSQL ${cluster.binaries.major} data folder ${cluster.folder}`);
  const unfinished = `${cluster.folder}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  if (cluster.account) await chown(unfinished, cluster.account.uid, cluster.account.gid);
  await initialise(cluster, unfinished, options);
  await createDatabase(cluster, unfinished, options);
  await rm(cluster.folder, { recursive: true, force: true });
  await rename(unfinished, cluster.folder);
  await chmod(cluster.folder, 0o700);
}

async function initialise(cluster: PostgresCluster, folder: string, options: ClusterOptions): Promise<void> {
  const { account, binaries } = cluster;
  const reachable = await makeReachable(account, [folder, passwordFile(options.dataDir)]);
  const [data, password] = reachable.names;
  const args = [`--pgdata=${data}`, `--pwfile=${password}`, `--username=${POSTGRES_USER}`, '--auth=scram-sha-256'];
  args.push('--encoding=UTF8', ...localeArgs(binaries.major), ...(options.durable ? [] : ['--no-sync']));
  try {
    await finish(binaries.initdb, args, account, reachable.descriptors);
  } finally {
    reachable.close();
  }
}

/** The same order and case rules on every machine, whatever locales it has. */
function localeArgs(major: number): string[] {
  const builtin = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  return major >= 17 ? ['--no-locale', ...builtin] : ['--no-locale'];
}

/** In single-user mode, so that nothing listens before the data folder is complete. */
async function createDatabase(cluster: PostgresCluster, folder: string, options: ClusterOptions): Promise<void> {
  const { account, binaries } = cluster;
  if (options.database === 'postgres') return;
  const reachable = await makeReachable(account, [folder]);
  const args = ['--single', '-D', ...reachable.names, '-c', `fsync=${options.durable ? 'on' : 'off'}`, 'postgres'];
  try {
    const statement = `CREATE DATABASE "${options.database.replaceAll('"', '""')}"\n`;
    await finish(binaries.postgres, args, account, reachable.descriptors, statement);
  } finally {
    reachable.close();
  }
}

/** Runs a program to its end, with `input` as its standard input. */
async function finish(
  program: string,
  args: string[],
  account: Account | undefined,
  descriptors: number[],
  input = '',
): Promise<void> {
  const stdio = ['pipe' as const, 'ignore' as const, 'pipe' as const, ...descriptors];
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
  const child = spawn(program, args, { cwd: '/', env, stdio, uid: account?.uid, gid: account?.gid });
  child.stdin?.end(input);
  const [complaints, [code]] = await Promise.all([child.stderr ? text(child.stderr) : '', once(child, 'close')]);
  if (code !== 0) throw new Error(`${program} failed:\n${complaints.trim()}`);
}
