type EntryPoint = { readonly owner: object; readonly name: string };

const CLOCKS_AND_DICE: readonly EntryPoint[] = [
  { owner: Date, name: 'now' },
  { owner: Math, name: 'random' },
  { owner: performance, name: 'now' },
  { owner: crypto, name: 'getRandomValues' },
  { owner: crypto, name: 'randomUUID' },
];

const TIMERS: readonly EntryPoint[] = [
  { owner: globalThis, name: 'setTimeout' },
  { owner: globalThis, name: 'setInterval' },
  { owner: globalThis, name: 'setImmediate' },
];

/**
 * Makes real time and randomness throw until the returned function is called: code under simulation that
 * reaches for them would make a run depend on more than its seed.
 *
 * `timers` says whether setting a timer is allowed. A library may need that for its housekeeping; since Node
 * does not come to its timers while a run goes on, none of them can have an influence.
 */
export function forbidRealWorld(timers: 'forbidden' | 'never-fire'): () => void {
  const restore: (() => void)[] = [];
  const forbidden = timers === 'forbidden' ? [...CLOCKS_AND_DICE, ...TIMERS] : CLOCKS_AND_DICE;
  for (const { owner, name } of forbidden) {
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
