export type { Violation } from './cluster/run-observer.ts';
export { drawPlan, type PlanChoices } from './plan/draw-plan.ts';
export { FAULT_KINDS, type Fault, type FaultKind } from './plan/fault.ts';
export type { EngineKind, RunPlan } from './plan/plan.ts';
export { type RunFigures, type RunResult, runPlan } from './run/run-plan.ts';
export type { Scenario } from './scenarios/scenario.ts';
export { findScenario, SCENARIOS } from './scenarios/scenarios.ts';
export { type Runner, shrink, type Shrunk } from './shrink/shrink.ts';
