/** Each entry point to real time or real randomness that JavaScript code reaches without an import. */
const FORBIDDEN: readonly { readonly owner: object; readonly name: string }[] = [
  { owner: Date, name: 'now' },
  { owner: Math, name: 'random' },
  { owner: performance, name: 'now' },
  { owner: globalThis, name: 'setTimeout' },
  { owner: globalThis, name: 'setInterval' },
  { owner: globalThis, name: 'setImmediate' },
  { owner: crypto, name: 'getRandomValues' },
  { owner: crypto, name: 'randomUUID' },
];

/**
 * Makes real time and randomness throw until the returned function is called: code under simulation that
 * reaches for them would make a run depend on more than its seed.
 */
export function forbidRealWorld(): () => void {
  const restore: (() => void)[] = [];
  for (const { owner, name } of FORBIDDEN) {
    const original = Object.getOwnPropertyDescriptor(owner, name);
    Object.defineProperty(owner, name, {
      configurable: true,
      enumerable: original?.enumerable ?? false,
      writable: true,
      value: () => {
        throw new Error(`${name} was called inside a simulation: a run may depend on its seed alone`);
      },
    });
    restore.push(() => {
      if (original === undefined) {
        Reflect.deleteProperty(owner, name);
      } else {
        Object.defineProperty(owner, name, original);
      }
    });
  }
  return () => {
    for (const undo of restore) {
      undo();
    }
  };
}
