/** `log …`: what the event log holds, and whether it is sound. */
import type { Command } from 'commander';
import { readHead } from '../../event-log/log-statements.js';
import { EXIT } from '../exit-codes.js';
import { examples } from '../help.js';
import { grouped } from '../output.js';
import { runWork } from '../tool.js';

export function addLogCommands(program: Command): void {
  const log = program.command('log').description('the event log');
  log
    .command('head')
    .description('tell the last position of the log')
    .addHelpText('after', examples('log head', 'log head --json'))
    .action((_options: unknown, command: Command) =>
      runWork(command, async (tool) => {
        const position = await readHead(await tool.database());
        tool.output.result({ position }, () => grouped(position));
        return EXIT.ok;
      }),
    );
}
