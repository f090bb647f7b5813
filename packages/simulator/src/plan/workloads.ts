import type { RandomStream } from '../kernel/random-stream.ts';
import type { OperationKind, WorkloadPlan } from './plan.ts';

type Shape = {
  readonly name: string;
  readonly keys: readonly [low: number, high: number];
  readonly hotness: number;
  readonly weights: Partial<Record<OperationKind, number>>;
};

const SHAPES: readonly Shape[] = [
  { name: 'registers', keys: [1, 6], hotness: 0, weights: { get: 5, put: 5 } },
  { name: 'read-mostly', keys: [2, 8], hotness: 0.3, weights: { get: 16, range: 3, put: 2, delete: 1 } },
  {
    name: 'write-mostly',
    keys: [2, 12],
    hotness: 0.3,
    weights: { get: 2, put: 12, delete: 2, transaction: 2 },
  },
  {
    name: 'hot-key',
    keys: [8, 16],
    hotness: 1,
    weights: { get: 5, put: 3, 'compare-and-set': 5, delete: 1 },
  },
  { name: 'compare-and-set', keys: [1, 4], hotness: 0, weights: { get: 3, 'compare-and-set': 8, delete: 1 } },
  {
    name: 'transactions',
    keys: [2, 6],
    hotness: 0,
    weights: { get: 2, put: 2, range: 3, transaction: 8, 'delete-range': 1 },
  },
  {
    name: 'compaction',
    keys: [2, 6],
    hotness: 0.3,
    weights: { get: 3, put: 6, delete: 4, range: 2, compact: 2, 'delete-range': 1 },
  },
  {
    name: 'everything',
    keys: [2, 10],
    hotness: 0.3,
    weights: {
      get: 6,
      put: 6,
      delete: 2,
      range: 3,
      'compare-and-set': 4,
      transaction: 4,
      'delete-range': 1,
      compact: 0.5,
    },
  },
];

export const NO_WEIGHTS: Readonly<Record<OperationKind, number>> = {
  get: 0,
  put: 0,
  delete: 0,
  range: 0,
  'compare-and-set': 0,
  transaction: 0,
  'delete-range': 0,
  compact: 0,
};

export const WORKLOAD_NAMES: readonly string[] = SHAPES.map((shape) => shape.name);

/** Draws a workload; `name` fixes its kind. */
export function drawWorkload(random: RandomStream, name: string | null): WorkloadPlan {
  const drawn = random.pick(SHAPES);
  const shape = SHAPES.find((candidate) => candidate.name === name) ?? drawn;
  return {
    name: shape.name,
    clients: random.between(2, 8),
    keys: random.between(shape.keys[0], shape.keys[1]),
    hotness: shape.hotness,
    thinkMeanMs: random.pick([5, 20, 50, 100]),
    deadlineMs: random.pick([300, 1000, 3000]),
    operationsMax: 600,
    valueBytes: random.pick([0, 0, 0, 200, 6000]),
    cancelChance: random.pick([0, 0, 0.05]),
    weights: { ...NO_WEIGHTS, ...shape.weights },
  };
}
