import { simulate } from './command/simulate.ts';
import { parseSimulateOptions } from './command/simulate-options.ts';

// Whoever reads the output may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    throw error;
  }
  process.exit(0);
});

const options = parseSimulateOptions(process.argv.slice(2));
process.exitCode = await simulate(options, { out: process.stdout, progress: process.stderr });
