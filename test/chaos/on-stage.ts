/** Runs a program on a stage of its own. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stage } from './stage.js';

/** Set in a process that has a mount namespace of its own. */
const OWN_MOUNTS = 'OURVIDZ_CHAOS_OWN_MOUNTS';

/** Tells a person how far it is. */
export type Tell = (message: string) => void;

/**
 * Opens a stage, does the work and closes it; resolves with the exit code. Where this process may have mounts of its own it
 * runs again as one that has.
 *
 * @param work resolves with whether all is well; if not, the logs of the services are kept under `name`
 */
export async function onStage(name: string, work: (stage: Stage, tell: Tell) => Promise<boolean>): Promise<number> {
  const ownMounts = process.env[OWN_MOUNTS] === 'yes';
  if (!ownMounts && canHaveOwnMounts()) return runWithOwnMounts();
  const tell = teller();
  if (!ownMounts) tell('no file system can be mounted here: a full disk is played by a folder that vanishes');
  const stage = await Stage.open(ownMounts);
  try {
    if (await work(stage, tell)) return 0;
    tell(`the logs of the services are kept in ${await keepLogs(stage, name)}`);
    return 1;
  } finally {
    await stage.close();
  }
}

function teller(): Tell {
  const startedAt = performance.now();
  return (message) => {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6);
    process.stderr.write(`${seconds}  ${message}\n`);
  };
}

async function keepLogs({ platform }: Stage, name: string): Promise<string> {
  const kept = join(tmpdir(), `ourvidz-${name}`);
  await cp(join(platform.folder.path, 'logs'), kept, { recursive: true });
  return kept;
}

/** What is mounted there goes away with its last process, however that ends. */
function canHaveOwnMounts(): boolean {
  const probe = 'mount -t tmpfs -o size=1m tmpfs /mnt';
  return spawnSync('unshare', ['--mount', '/bin/sh', '-c', probe], { stdio: 'ignore' }).status === 0;
}

async function runWithOwnMounts(): Promise<number> {
  const command = ['--mount', process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('unshare', command, { stdio: 'inherit', env: { ...process.env, [OWN_MOUNTS]: 'yes' } });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}
