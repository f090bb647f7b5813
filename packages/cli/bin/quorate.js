#!/usr/bin/env node
// The `quorate` command. Installed, it runs the built program. In a source checkout it runs the sources with the
// Node.js that the checkout pins, whatever `node` is. This file must itself run on any Node.js, old ones included.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const nodeMin = 24;
const args = process.argv.slice(2);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const source = here('../src/main.ts');

if (existsSync(source)) {
  runSource();
} else if (Number(process.versions.node.split('.')[0]) < nodeMin) {
  fail(`Node.js ${nodeMin} or newer is needed; this is ${process.versions.node}. See https://nodejs.org`);
} else {
  await import('../dist/main.js');
}

function runSource() {
  const pinned = ['../../../node_modules/node/bin/node', '../node_modules/node/bin/node']
    .map(here)
    .find(existsSync);
  if (pinned === undefined) {
    fail('the checkout has no Node.js of its own yet; run "npm ci" in it first');
    return;
  }
  const nodeArgs = ['--conditions=quorate-source', source, ...args];
  if (typeof process.execve === 'function') {
    // This process becomes the other one, so that signals and exit codes need no passing on.
    process.removeAllListeners('warning');
    process.execve(pinned, [pinned, ...nodeArgs], process.env);
  }
  const child = spawn(pinned, nodeArgs, { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both processes; other signals come to this one alone.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`cannot run ${pinned}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  process.stderr.write(`quorate: ${message}\n`);
  process.exitCode = 1;
}
