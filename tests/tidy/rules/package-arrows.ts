import { packageTarget, relativeTarget } from '../module-graph.ts';
import type { Violation } from '../violation.ts';
import type { Module, Package, Workspace } from '../workspace.ts';

/** "A: B" means that A may import B, and whatever B may import. docs/decisions/0002 says why. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  raft: [],
  protocol: [],
  storage: ['raft'],
  kv: ['protocol'],
  replica: ['storage', 'kv'],
  server: ['replica', 'protocol'],
  simulator: ['replica'],
  client: ['protocol'],
  cli: ['server', 'client'],
};

/**
 * Holds the architecture: imports between packages follow the arrows, go through what a package exports,
 * and are declared in the package.json; what is declared is also used.
 */
export function packageArrows(workspace: Workspace): Violation[] {
  return [
    ...workspace.packages.flatMap((owner) => checkManifest(workspace, owner)),
    ...workspace.modules.flatMap((module) => checkModule(workspace, module)),
  ];
}

/** Everything that a package may import, by folder name. */
function allowedFrom(folder: string): ReadonlySet<string> {
  const allowed = new Set<string>();
  const visit = (name: string): void => {
    for (const next of arrows[name] ?? []) {
      allowed.add(next);
      visit(next);
    }
  };
  visit(folder);
  return allowed;
}

function folderOf(owner: Package): string {
  return owner.directory.slice('packages/'.length);
}

function checkManifest(workspace: Workspace, owner: Package): Violation[] {
  const folder = folderOf(owner);
  const at = { path: owner.manifestPath, line: 1 };
  if (arrows[folder] === undefined) {
    const remedy = 'add it to tests/tidy/rules/package-arrows.ts with a decision in docs/decisions';
    return [{ ...at, what: `package ${folder} has no arrows`, remedy }];
  }
  const violations: Violation[] = [];
  const used = new Set<string>();
  for (const module of workspace.modules) {
    for (const found of module.package === owner ? module.imports : []) {
      used.add(packageTarget(found)?.name ?? '');
    }
  }
  const { dependencies, optionalDependencies, devDependencies } = owner.manifest;
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })) {
    const target = workspace.packages.find((candidate) => candidate.manifest.name === name);
    if (target !== undefined && !allowedFrom(folder).has(folderOf(target))) {
      const remedy = 'remove the dependency';
      violations.push({ ...at, what: `${folder} must not depend on ${folderOf(target)}`, remedy });
    } else if (!used.has(name)) {
      const remedy = 'remove the dependency';
      violations.push({ ...at, what: `nothing in ${folder} imports ${name}`, remedy });
    }
  }
  return violations;
}

function checkModule(workspace: Workspace, module: Module): Violation[] {
  const violations: Violation[] = [];
  for (const found of module.imports) {
    const report = (what: string, remedy: string): void => {
      violations.push({ path: module.path, line: found.line, what, remedy });
    };
    const relative = relativeTarget(module, found);
    if (relative !== null) {
      const home = module.package === null ? null : `${module.package.directory}/`;
      if (
        found.kind === 'module' &&
        (home === null ? relative.startsWith('packages/') : !relative.startsWith(home))
      ) {
        report(`"${found.specifier}" reaches into another package`, 'import the package by its name');
      }
      continue;
    }
    const target = packageTarget(found);
    if (target === null) {
      continue;
    }
    const owner = workspace.packages.find((candidate) => candidate.manifest.name === target.name);
    if (owner === undefined) {
      checkDeclared(workspace, module, target.name, report);
      continue;
    }
    if (owner.manifest.exports[target.subpath] === undefined) {
      const remedy = `use what ${target.name} exports, or add an export to its package.json`;
      report(`"${found.specifier}" is not an export of ${target.name}`, remedy);
    }
    if (module.package !== null && module.package !== owner) {
      const from = folderOf(module.package);
      if (!allowedFrom(from).has(folderOf(owner))) {
        report(
          `${from} must not import ${folderOf(owner)}`,
          'declare what you need as an interface, or move the code',
        );
      }
      checkDeclared(workspace, module, target.name, report);
    }
  }
  return violations;
}

/** Production code may use what its own package.json declares; tests also what the root's does. */
function checkDeclared(
  workspace: Workspace,
  module: Module,
  name: string,
  report: (what: string, remedy: string) => void,
): void {
  const own = module.package?.manifest;
  const declared = own !== undefined && (name in own.dependencies || name in own.optionalDependencies);
  const forTests =
    (own !== undefined && name in own.devDependencies) || name in workspace.rootManifest.devDependencies;
  if (!declared && !(forTests && (module.kind !== 'production' || module.package === null))) {
    const where = module.package?.manifestPath ?? 'package.json';
    report(`${name} is not a dependency in ${where}`, 'declare it there, or do without');
  }
}
