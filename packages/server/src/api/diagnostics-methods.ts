import { diagnosticsService } from '@quorate/protocol';
import type { Diagnosis } from '../diagnosis/diagnosis.ts';
import { type HandledMethod, unary } from './api-method.ts';

/** Our own service beside etcd's: what `quorate doctor` asks of each member. */
export function diagnosticsMethods(diagnosis: Pick<Diagnosis, 'make'>): readonly HandledMethod[] {
  return [unary(diagnosticsService.methods.diagnose, async () => diagnosis.make())];
}
