import { execFileSync } from 'node:child_process';

/** The commit of the checkout that runs, with a mark if it differs from the commit; "unknown" outside of git. */
export function checkoutCommit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const changes = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with changes';
    return `${git('rev-parse', '--short=10', 'HEAD')}${changes}`;
  } catch {
    return 'unknown';
  }
}
