/** `npm run chaos`: the whole platform under faults, and the proof that they cost nothing. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChaosOptions, parseChaosOptions } from './chaos-options.js';
import { jsonOf, reportOf } from './chaos-report.js';
import { runChaos } from './chaos-run.js';
import { Stage } from './stage.js';

/** Set in a process that has a mount namespace of its own. */
const OWN_MOUNTS = 'OURVIDZ_CHAOS_OWN_MOUNTS';

async function main(): Promise<number> {
  const options = parseChaosOptions(process.argv.slice(2));
  const ownMounts = process.env[OWN_MOUNTS] === 'yes';
  if (!ownMounts && canHaveOwnMounts()) return runWithOwnMounts();
  return run(options, ownMounts);
}

async function run(options: ChaosOptions, ownMounts: boolean): Promise<number> {
  const startedAt = performance.now();
  const tell = (message: string) => {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6);
    process.stderr.write(`${seconds}  ${message}\n`);
  };
  if (!ownMounts) tell('no file system can be mounted here: a full disk is played by a folder that vanishes');
  const stage = await Stage.open(ownMounts);
  try {
    const result = await runChaos(stage, options, tell);
    process.stdout.write(`${options.json ? jsonOf(result) : reportOf(result)}\n`);
    if (result.findings.length === 0) return 0;
    tell(`the logs of the services are kept in ${await keepLogs(stage, options)}`);
    return 1;
  } finally {
    await stage.close();
  }
}

async function keepLogs({ platform }: Stage, { seed }: ChaosOptions): Promise<string> {
  const kept = join(tmpdir(), `ourvidz-chaos-${seed}`);
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

process.exitCode = await main();
