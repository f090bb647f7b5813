/** One place that breaks a rule of the house. */
export type Violation = {
  /** Relative to the repository's root. */
  readonly path: string;
  /** Counted from 1; 1 as well when the whole file is meant. */
  readonly line: number;
  readonly what: string;
  readonly remedy: string;
};

/** `path:line: what; remedy`, which editors and terminals turn into a link. */
export function formatViolation(violation: Violation): string {
  return `${violation.path}:${violation.line}: ${violation.what}; ${violation.remedy}`;
}
