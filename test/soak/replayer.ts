/** Rebuilds all projections again and again while the platform works, and kills some of the rebuilds half-way. */
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '#worker/preview/seeded-random.js';
import type { Tell } from '../chaos/on-stage.js';
import { type Finding, wrong } from '../chaos/verdict.js';
import { startEventsTool, type ToolRun, type Whereabouts } from '../support/events-tool.js';

export const REBUILD_ALL = ['projections', 'rebuild', '--all', '--yes', '--json'];

/** Between two rebuilds, in milliseconds. */
const REST_MS: readonly [number, number] = [200, 1_500];
const KILLED_AFTER_MS: readonly [number, number] = [300, 2_500];

/**
 * How a rebuild may end under faults, if it is not done: killed; without a database; or refused, because a killed one still
 * seems to run: its connection ends a moment after it.
 */
const EXPECTED: readonly (number | null)[] = [null, 3, 4];

export class Replayer {
  /** How many rebuilds ended how. */
  readonly counts = { done: 0, killed: 0, stopped: 0 };
  readonly findings: Finding[] = [];
  private readonly random: SeededRandom;

  constructor(
    private readonly where: Whereabouts,
    private readonly tell: Tell,
    seed: number,
  ) {
    this.random = new SeededRandom(seed);
  }

  /** Every second rebuild is killed. Goes on until `over` aborts; the last one is waited for. */
  async run(over: AbortSignal): Promise<void> {
    for (let kill = true; !over.aborted; kill = !kill) {
      const running = startEventsTool(REBUILD_ALL, this.where);
      const timer = kill && setTimeout(() => running.child.kill('SIGKILL'), this.random.integer(...KILLED_AFTER_MS));
      this.note(await running.ended);
      if (timer) clearTimeout(timer);
      await delay(this.random.integer(...REST_MS));
    }
  }

  private note({ code, stdout, stderr }: ToolRun): void {
    if (code === null) this.counts.killed += 1;
    else if (code === 0) this.counts.done += 1;
    else this.counts.stopped += 1;
    this.tell(`a rebuild of all projections ${code === null ? 'was killed' : `ended with ${code}`}`);
    if (code === 0) this.findings.push(...differencesIn(stdout));
    else if (!EXPECTED.includes(code))
      this.findings.push(wrong(`a rebuild under load ended with ${code}: ${lastLines(stderr)} ${lastLines(stdout)}`));
  }
}

/** What a rebuild tells of itself. */
interface Rebuilt {
  readonly projections: readonly { readonly name: string; readonly comparison: { readonly isEqual: boolean } | null }[];
}

/** Rebuilt projections that were not what readers saw until then; told to agree, the tool shows them all the same. */
export function differencesIn(stdout: string): Finding[] {
  const { projections } = JSON.parse(stdout) as Rebuilt;
  const different = projections.filter(({ comparison }) => !comparison?.isEqual);
  return different.map(({ name }) => wrong(`projection ${name} was not what the log tells`));
}

/** The end of what a program wrote, on one line. */
export function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join(' · ');
}
