export * from './configuration.ts';
export * from './entry.ts';
export * from './identifiers.ts';
export * from './input.ts';
export * from './message.ts';
export * from './options.ts';
export * from './output.ts';
