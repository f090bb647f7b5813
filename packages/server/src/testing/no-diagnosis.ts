import type { Diagnosis } from '../diagnosis/diagnosis.ts';

/** A member that finds nothing out: it has neither disk nor peers. */
export const noDiagnosis: Pick<Diagnosis, 'make'> = {
  make: async () => ({ memberId: 0n, version: 'test', disk: undefined, peers: [] }),
};
