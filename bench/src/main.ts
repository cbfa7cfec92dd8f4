/** `npm run bench`: measures the platform and its peers in one run, and prints tables. */
import { machineLine } from './machine.js';
import type { Measure } from './measure.js';
import { accepting } from './measures/accepting.js';
import { endToEnd } from './measures/end-to-end.js';
import { peers } from './measures/peers.js';
import { reading } from './measures/reading.js';
import { replay } from './measures/replay.js';
import { resident } from './measures/resident.js';
import { starting } from './measures/starting.js';
import { waiting } from './measures/waiting.js';
import { watching } from './measures/watching.js';
import { MemoryWatch } from './memory.js';
import { type BenchOptions, readOptions } from './options.js';
import { markdown, type Row } from './report.js';

const MEASURES: readonly Measure[] = [
  accepting,
  starting,
  endToEnd,
  waiting,
  reading,
  watching,
  peers,
  replay,
  resident,
];

interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const chosen = measuresFor(options);
  const machine = await machineLine();
  if (!options.json) process.stdout.write(`${machine}\n\n`);
  const memory = new MemoryWatch();
  const sections: Section[] = [];
  for (const measure of chosen) {
    process.stderr.write(`Measuring: ${measure.title} …\n`);
    const rows = await measure.run({ quick: options.quick, memory });
    memory.watch([]);
    sections.push({ title: measure.title, rows });
    if (!options.json) process.stdout.write(`${markdown(measure.title, rows)}\n`);
  }
  memory.close();
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, sections }, undefined, 2)}\n`);
}

function measuresFor({ only }: BenchOptions): readonly Measure[] {
  const names = MEASURES.map(({ name }) => name);
  const unknown = only?.filter((name) => !names.includes(name)) ?? [];
  if (unknown.length > 0) throw new Error(`There is no measure ${unknown.join(', ')}; there are ${names.join(', ')}`);
  return MEASURES.filter(({ name }) => only === undefined || only.includes(name));
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  },
);
