/** The command line: one group of commands a file. */
import { Command } from 'commander';
import { addDeadLetterCommands } from './commands/dead-letters.js';
import { addLogCommands } from './commands/log.js';
import { addProjectionCommands } from './commands/projections.js';
import { addReceiptCommands } from './commands/receipt.js';
import { addStreamCommands } from './commands/stream.js';

const EXIT_CODES = `
Exit codes:
  0    done, and nothing is wrong
  1    something is wrong, or it failed
  2    wrong usage or configuration
  3    no connection to PostgreSQL or NATS
  4    refused: not confirmed, no right to it, or the state of things forbids it; nothing was changed
  130  interrupted

Where it looks: --data-dir, else DATABASE_URL, NATS_URL and NATS_CREDS, else the platform of DATA_DIR (.data).
The guide is docs/replay.md.`;

/** Adds its commands to the program. */
type AddCommands = (program: Command) => void;

const GROUPS: readonly AddCommands[] = [
  addLogCommands,
  addDeadLetterCommands,
  addProjectionCommands,
  addReceiptCommands,
  addStreamCommands,
];

export function buildProgram(): Command {
  const program = new Command('ourvidz-events')
    .description('Looks at the event log, proves it, and computes again what was computed from it.')
    .option('--json', 'print JSON, for scripts')
    .option('--yes', 'agree to everything that would be asked')
    .option('--dry-run', 'only tell what would be done')
    .option('--data-dir <folder>', 'the data folder of the platform to work on')
    .helpCommand('help [command]', 'explain a command')
    .addHelpText('after', EXIT_CODES);
  for (const add of GROUPS) add(program);
  forAll(program, (command) => command.exitOverride().configureHelp({ showGlobalOptions: true }));
  return program;
}

function forAll(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const child of command.commands) forAll(child, change);
}
