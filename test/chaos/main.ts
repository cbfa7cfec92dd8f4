/** `npm run chaos`: the whole platform under faults, and the proof that they cost nothing. */
import { parseChaosOptions } from './chaos-options.js';
import { jsonOf, reportOf } from './chaos-report.js';
import { runChaos } from './chaos-run.js';
import { onStage } from './on-stage.js';

const options = parseChaosOptions(process.argv.slice(2));

process.exitCode = await onStage(`chaos-${options.seed}`, async (stage, tell) => {
  const result = await runChaos(stage, options, tell);
  process.stdout.write(`${options.json ? jsonOf(result) : reportOf(result)}\n`);
  return result.findings.length === 0;
});
