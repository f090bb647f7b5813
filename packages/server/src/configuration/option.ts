import type { ValueType } from './value-type.ts';

/**
 * One option of a member. This declaration is the only place that knows it: the flag, the environment
 * variable, the key in a configuration file, the help text and the reference page are all made from it.
 */
export type Option<T> = {
  /** Kebab-case, as the flag without its dashes and as the key in a configuration file. */
  readonly name: string;
  readonly type: ValueType<T>;
  /** What it sets, in one sentence. */
  readonly summary: string;
  /** Why one would change it, and what that costs. */
  readonly reason: string;
};

/** An option that has a value of its own if nobody states one. */
export type OptionWithDefault<T> = Option<T> & { readonly default: T };

/** An option that follows from others if nobody states it. */
export type DerivedOption<T> = Option<T> & { readonly derivedDefault: string };

/** Declares an option. Only makes the compiler find out the type of its values. */
export function option<T>(declaration: Option<T> & { readonly default: NoInfer<T> }): OptionWithDefault<T> {
  return declaration;
}

/** Declares an option whose default follows from others, in the words of `derivedDefault`. */
export function derivedOption<T>(declaration: DerivedOption<T>): DerivedOption<T> {
  return declaration;
}

/** The flag that sets an option. */
export function flagOf(declaration: { readonly name: string }): string {
  return `--${declaration.name}`;
}

/** The environment variable that sets an option. */
export function environmentVariableOf(declaration: { readonly name: string }): string {
  return `QUORATE_${declaration.name.toUpperCase().replaceAll('-', '_')}`;
}

/** The environment variable with which etcd sets a flag of that name. */
export function etcdVariableOf(name: string): string {
  return `ETCD_${name.toUpperCase().replaceAll('-', '_')}`;
}
