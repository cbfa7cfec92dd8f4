/** `npm run soak`: the platform under load and faults while its projections are rebuilt, and the proof of its log. */
import { runChaos } from '../chaos/chaos-run.js';
import { onStage, type Tell } from '../chaos/on-stage.js';
import type { Stage } from '../chaos/stage.js';
import { type Finding, wrong } from '../chaos/verdict.js';
import { runEventsTool, type Whereabouts } from '../support/events-tool.js';
import { differencesIn, lastLines, REBUILD_ALL, Replayer } from './replayer.js';
import { parseSoakOptions, type SoakOptions } from './soak-options.js';
import { jsonOf, reportOf, type SoakResult } from './soak-report.js';

/** Cancels and deletes are what makes histories differ. */
const HABITS = { cancel: 15, watch: 5, delete: 20 };

/** What must hold of the log and the projections when all is over and nothing runs any more. */
const PROOFS: readonly Proof[] = [
  { args: ['log', 'verify', '--json'], findingsIn: () => [] },
  { args: ['stream', 'reconcile', '--dry-run', '--json'], findingsIn: () => [] },
  { args: REBUILD_ALL, findingsIn: differencesIn },
];

interface Proof {
  readonly args: readonly string[];
  /** What its output tells, beyond its exit code. */
  readonly findingsIn: (stdout: string) => Finding[];
}

async function runSoak(stage: Stage, options: SoakOptions, tell: Tell): Promise<SoakResult> {
  const where = whereabouts(stage);
  const replayer = new Replayer(where, tell, options.seed);
  const chaos = await runChaos(stage, { ...options, habits: HABITS }, tell, (over) => replayer.run(over));
  tell('all services are stopped; proving the log and the projections');
  const proofs: Finding[] = [];
  for (const proof of PROOFS) proofs.push(...(await prove(proof, where, tell)));
  return { options, chaos, rebuilds: replayer.counts, findings: [...chaos.findings, ...replayer.findings, ...proofs] };
}

function whereabouts({ platform, postgres }: Stage): Whereabouts {
  return { DATABASE_URL: postgres.url, NATS_URL: platform.nats.url, NATS_CREDS: platform.credentialsOf('events-tool') };
}

async function prove({ args, findingsIn }: Proof, where: Whereabouts, tell: Tell): Promise<Finding[]> {
  const { code, stdout, stderr } = await runEventsTool(args, where);
  tell(`ourvidz-events ${args.join(' ')}: ${code === 0 ? 'well' : `exit code ${code}`}`);
  if (code === 0) return findingsIn(stdout);
  return [wrong(`ourvidz-events ${args.join(' ')}: ${lastLines(stderr)} ${lastLines(stdout)}`)];
}

const options = parseSoakOptions(process.argv.slice(2));

process.exitCode = await onStage(`soak-${options.seed}`, async (stage, tell) => {
  const result = await runSoak(stage, options, tell);
  process.stdout.write(`${options.json ? jsonOf(result) : reportOf(result)}\n`);
  return result.findings.length === 0;
});
