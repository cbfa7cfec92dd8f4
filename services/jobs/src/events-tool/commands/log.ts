/** `log …`: what the event log holds, and whether it is sound. */
import type { Command } from 'commander';
import { addTransferCommands } from './log-transfer.js';
import { addVerifyCommand } from './log-verify.js';
import { addViewCommands } from './log-view.js';

export function addLogCommands(program: Command): void {
  const log = program.command('log').description('the event log');
  addVerifyCommand(log);
  addViewCommands(log);
  addTransferCommands(log);
}
