/** One thing that is wrong with a configuration. */
export type ConfigurationProblem = {
  /** Where it was stated, such as `--name` or `quorate.yaml, line 3, name`; null for a relation between options. */
  readonly source: string | null;
  /** What is wrong and what to do about it, on one line, without a full stop. */
  readonly message: string;
};

/**
 * A member cannot be configured as asked. Carries every problem that was found, so that a person repairs
 * them all at once; `message` has one line for each.
 */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** A value cannot be understood. The parser of a value type throws it; whoever knows the source adds that. */
export class MalformedValue extends Error {
  override readonly name = 'MalformedValue';
}

function formatProblem(problem: ConfigurationProblem): string {
  return problem.source === null ? problem.message : `${problem.source}: ${problem.message}`;
}
