#!/usr/bin/env node
import { exitCodes } from './exit-code.ts';
import { runQuorate } from './run.ts';

// A reader that has seen enough, such as `head`, closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok.code);
  process.stderr.write(`quorate: cannot write to standard output: ${error.message}\n`);
  process.exit(exitCodes.error.code);
});
// Nobody is left to be told. A member goes on without its log: it has data to serve.
process.stderr.on('error', () => undefined);

const { stdin, stdout, stderr, env } = process;
process.exitCode = await runQuorate(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  environment: env,
  directory: process.cwd(),
  entry: import.meta.filename,
});
