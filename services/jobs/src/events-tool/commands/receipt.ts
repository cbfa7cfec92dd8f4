/** `receipt …`: checks receipts, without any connection. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { errorCode } from '#service-kit/file-errors.js';
import { checkReceipt, parsePublicKey, type ReceiptCheck } from '../../receipts/receipt-check.js';
import { EXIT, type ExitCode, ToolError } from '../exit-codes.js';
import { examples } from '../help.js';
import { runWork, type Tool } from '../tool.js';

export function addReceiptCommands(program: Command): void {
  const receipt = program.command('receipt').description('receipts of ended jobs');
  receipt
    .command('verify <file>')
    .description('check a receipt with the public key alone; 1 when it is not sound')
    .requiredOption('--key <file>', 'the public key: PEM, or what GET /api/receipt-key answered')
    .addHelpText(
      'after',
      examples(
        'receipt verify receipt.json --key receipt-key.pem',
        'receipt verify receipt.json --key key.json --json',
      ),
    )
    .action((file: string, { key }: { key: string }, command: Command) =>
      runWork(command, (tool) => verifyReceipt(tool, file, key)),
    );
}

async function verifyReceipt(tool: Tool, file: string, keyFile: string): Promise<ExitCode> {
  const key = parsePublicKey(await readText(keyFile));
  if (!key) throw new ToolError(EXIT.usage, `${keyFile} holds no public Ed25519 key`);
  const check = checkReceipt(await readText(file), key);
  tool.output.result(check, () => report(file, check));
  return check.valid ? EXIT.ok : EXIT.failed;
}

function report(file: string, check: ReceiptCheck): string {
  if (!check.valid) return `${file} is NOT sound: ${check.problem}`;
  const { job_id, status, ended_at, credits, engine, assets, chain } = check.statement;
  const files = assets.map(({ index, sha256, bytes }) => `  file ${index}   ${sha256}  ${bytes} bytes`);
  return [
    `${file} is sound: signed with key ${check.keyId}`,
    `  job      ${job_id}, ${status} ${ended_at}`,
    `  engine   ${engine ? `${engine.engine} ${engine.version}, model ${engine.model}` : 'none'}`,
    `  charged  ${credits} ${credits === 1 ? 'credit' : 'credits'}`,
    `  chain    ${chain.head}, event ${chain.events} of the job, position ${chain.position}`,
    ...files,
  ].join('\n');
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    if (code === undefined) throw error;
    throw new ToolError(EXIT.usage, `${file} cannot be read: ${code}`, { cause: error });
  }
}
