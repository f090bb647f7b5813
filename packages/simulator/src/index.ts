export type { Violation } from './cluster/run-observer.ts';
export { checkoutCommit } from './command/checkout.ts';
export { ProgressBar } from './command/progress-bar.ts';
export { RandomStream, streamOf } from './kernel/random-stream.ts';
export type { SearchLimits } from './linearizability/search.ts';
export type { History, OperationRecord } from './linearizability/history.ts';
export { checkStore, hasChanged, type StoreVerdict } from './linearizability/store-model.ts';
export type {
  Comparison,
  KeyRange,
  KeyRecord,
  RangeOperation,
  StoreOperation,
  StoreRefusal,
  StoreResult,
  Transaction,
  TransactionOperation,
} from './linearizability/store-operation.ts';
export { drawPlan, type PlanChoices } from './plan/draw-plan.ts';
export { FAULT_KINDS, type Fault, type FaultKind } from './plan/fault.ts';
export type { EngineKind, RunPlan, WorkloadPlan } from './plan/plan.ts';
export { drawWorkload, WORKLOAD_NAMES } from './plan/workloads.ts';
export { type RunFigures, type RunResult, runPlan } from './run/run-plan.ts';
export type { Scenario } from './scenarios/scenario.ts';
export { findScenario, SCENARIOS } from './scenarios/scenarios.ts';
export { type Runner, shrink, type Shrunk } from './shrink/shrink.ts';
export { CallGenerator } from './workload/call-generator.ts';
export { isStateDependent, toOperation } from './workload/call-translation.ts';
