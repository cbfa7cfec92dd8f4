/** `ourvidz-events`: the tool that works on the event log. */
import 'reflect-metadata';
import { errorCode } from '#service-kit/file-errors.js';
import { Output } from './output.js';
import { buildProgram } from './program.js';
import { tellFailure } from './tool.js';

// Whoever reads the output may have read enough: `… | head`.
process.stdout.on('error', (error) => {
  if (errorCode(error) === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = tellFailure(new Output(process.argv.includes('--json')), error);
}
