/** `log export` and `log import`: the log as a file. */
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { errorCode } from '#service-kit/file-errors.js';
import { readHead } from '../../event-log/log-statements.js';
import { BrokenFileError } from '../../log-transfer/export-file.js';
import { ExportRefusedError, exportLog } from '../../log-transfer/export-log.js';
import { ImportRefusedError, importLog } from '../../log-transfer/import-log.js';
import { position } from '../arguments.js';
import { EXIT, type ExitCode, refused, ToolError } from '../exit-codes.js';
import { examples } from '../help.js';
import { grouped } from '../output.js';
import { Progress } from '../progress.js';
import { runWork, type Tool } from '../tool.js';

export function addTransferCommands(log: Command): void {
  log
    .command('export')
    .description('write the log into a file: a line of JSON for each event, compressed (Zstandard), with checksums')
    .argument('<file>', 'where to; one that an earlier try left unfinished is gone on with')
    .option('--from <position>', 'begin here: what is before was exported already', position, 1)
    .addHelpText('after', examples('log export log.ndjson.zst', 'log export later.ndjson.zst --from 1000001'))
    .action((file: string, { from }: { from: number }, command: Command) =>
      runWork(command, (tool) => exportTo(tool, file, from)),
    );
  log
    .command('import')
    .description('add the events of a file to a log that ends where the file begins, an empty one for example')
    .argument('<file>', 'what `log export` wrote')
    .addHelpText('after', examples('log import log.ndjson.zst --dry-run', 'log import log.ndjson.zst --yes'))
    .action((file: string, _options: unknown, command: Command) => runWork(command, (tool) => importFrom(tool, file)));
}

async function exportTo(tool: Tool, path: string, from: number): Promise<ExitCode> {
  const database = await tool.database();
  const to = await readHead(database);
  if (from > to) throw refused(`There is no position ${from}: the log ends at ${to}.`);
  if (tool.dryRun) {
    tool.output.result({ from, to }, () => `Positions ${from} to ${to} would be exported.`);
    return EXIT.ok;
  }
  const progress = new Progress('exporting', to - from + 1);
  const onWritten = (at: number) => progress.update(at - from + 1);
  const work = exportLog(database, path, { from, to }, { onWritten, signal: tool.signal });
  const exported = await work.catch((error: unknown) => rethrow(error, path)).finally(() => progress.end());
  tool.output.result({ file: path, ...exported }, () => {
    const resumed = exported.resumed > 0 ? `, of which ${grouped(exported.resumed)} had been written before` : '';
    return `${grouped(to - from + 1)} events are in ${path} (${grouped(exported.bytes)} bytes)${resumed}.`;
  });
  return EXIT.ok;
}

async function importFrom(tool: Tool, path: string): Promise<ExitCode> {
  const file = await open(path, 'r').catch((error: unknown) => rethrow(error, path));
  try {
    const database = await tool.preparedDatabase();
    const head = await readHead(database);
    if (!tool.dryRun) await tool.confirm(`The log has ${grouped(head)} events. Add those of ${path}, for good?`);
    const progress = new Progress('importing', 0);
    const watching = { onImported: (at: number) => progress.update(at), signal: tool.signal, dryRun: tool.dryRun };
    const work = importLog(database, file, watching);
    const { from, to, added } = await work
      .catch((error: unknown) => rethrow(error, path))
      .finally(() => progress.end());
    tool.output.result({ file: path, from, to, added, dryRun: tool.dryRun }, () => {
      const verb = tool.dryRun ? 'would be added' : 'were added';
      return `${path} is whole: positions ${grouped(from)} to ${grouped(to)}. ${grouped(added)} events ${verb}.`;
    });
    return EXIT.ok;
  } finally {
    await file.close();
  }
}

function rethrow(error: unknown, path: string): never {
  if (error instanceof BrokenFileError) throw new ToolError(EXIT.failed, brokenMessage(error, path));
  if (error instanceof ExportRefusedError || error instanceof ImportRefusedError)
    throw refused(`${path}: ${error.message}.`);
  // The file system's own words name the file.
  if (error instanceof Error && errorCode(error) !== undefined && 'path' in error)
    throw new ToolError(EXIT.usage, error.message);
  throw error;
}

function brokenMessage({ offset, message }: BrokenFileError, path: string): string {
  return `${path}: ${message}.${offset > 0 ? ' Nothing of that part was imported; what is before it is sound.' : ''}`;
}
