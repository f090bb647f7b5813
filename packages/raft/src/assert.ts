/** A broken invariant: the program is wrong, and the member must stop before it does harm. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/**
 * Throws an `AssertionError` unless `condition` holds. Always on: a member that has left the protocol's
 * states must not go on. Messages are constants, so that a passing check costs no more than its condition.
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) {
    throw new AssertionError(message);
  }
}

/** For the `default` of an exhaustive switch: fails to compile when a case is missing. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
