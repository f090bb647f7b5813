import { posix } from 'node:path';
import type { Violation } from '../violation.ts';
import type { Package, Workspace } from '../workspace.ts';

/**
 * Packages look alike from outside: one version for all, a README, and for every export first the
 * TypeScript source under the condition `quorate-source`, then the built file of the same name. What only
 * tests use (in `src/testing/`) is never built, so its export has the source alone.
 */
export function manifests(workspace: Workspace): Violation[] {
  return workspace.packages.flatMap((owner) => [
    ...checkVersions(workspace, owner),
    ...checkExports(workspace, owner),
    ...checkReadme(workspace, owner),
  ]);
}

function checkReadme(workspace: Workspace, { directory, manifestPath, manifest }: Package): Violation[] {
  const text = workspace.files.get(`${directory}/README.md`);
  if (text === undefined) {
    const remedy = 'write one screen: what it is, an example that works, its files in reading order';
    return [{ path: manifestPath, line: 1, what: `${directory} has no README.md`, remedy }];
  }
  return text.startsWith('# ') && text.includes(manifest.name)
    ? []
    : [
        {
          path: `${directory}/README.md`,
          line: 1,
          what: `does not introduce ${manifest.name}`,
          remedy: 'name it',
        },
      ];
}

function checkVersions(workspace: Workspace, { manifestPath, manifest }: Package): Violation[] {
  const { version } = workspace.rootManifest;
  const remedy = 'give all packages the version of the root package.json';
  const violations: Violation[] = [];
  if (manifest.version !== version) {
    violations.push({
      path: manifestPath,
      line: 1,
      what: `version ${manifest.version}, not ${version}`,
      remedy,
    });
  }
  for (const [name, range] of Object.entries(manifest.dependencies)) {
    const isOurs = workspace.packages.some((candidate) => candidate.manifest.name === name);
    if (isOurs && range !== version) {
      violations.push({ path: manifestPath, line: 1, what: `${name} ${range}, not ${version}`, remedy });
    } else if (!/^\d/.test(range)) {
      const exact = 'pin the exact version';
      violations.push({ path: manifestPath, line: 1, what: `${name} ${range} is a range`, remedy: exact });
    }
  }
  return violations;
}

function checkExports(workspace: Workspace, { directory, manifestPath, manifest }: Package): Violation[] {
  const violations: Violation[] = [];
  for (const [subpath, conditions] of Object.entries(manifest.exports)) {
    const source = conditions['quorate-source'] ?? '';
    const built = source.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, '');
    const wanted = source.startsWith('./src/testing/')
      ? { 'quorate-source': source }
      : { 'quorate-source': source, types: `${built}.d.ts`, default: `${built}.js` };
    if (JSON.stringify(conditions) !== JSON.stringify(wanted)) {
      const remedy = `write ${JSON.stringify(wanted)}`;
      violations.push({
        path: manifestPath,
        line: 1,
        what: `export "${subpath}" is not in the usual form`,
        remedy,
      });
    } else if (!workspace.files.has(posix.join(directory, source))) {
      const remedy = 'create the file, or remove the export';
      violations.push({
        path: manifestPath,
        line: 1,
        what: `export "${subpath}" names no file: ${source}`,
        remedy,
      });
    }
  }
  return violations;
}
