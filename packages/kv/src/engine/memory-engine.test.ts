import { engineContract } from '../testing/engine-contract.ts';
import { MemoryEngine } from './memory-engine.ts';

engineContract({ name: 'memory', isPersistent: false, open: () => new MemoryEngine() });
