#!/usr/bin/env node
import { runQuorate } from './run.ts';

// A reader that has seen enough, such as `head`, closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const { stdin, stdout, stderr, env } = process;
process.exitCode = await runQuorate(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  environment: env,
  directory: process.cwd(),
  entry: import.meta.filename,
});
