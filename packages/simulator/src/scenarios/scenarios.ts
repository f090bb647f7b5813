import { crashDuringApply } from './crash-during-apply.ts';
import { damagedSnapshot } from './damaged-snapshot.ts';
import { followerAfterCompaction } from './follower-after-compaction.ts';
import { interruptedInstall } from './interrupted-install.ts';
import { laggingFollower } from './lagging-follower.ts';
import { leaderChangeDuringTransfer } from './leader-change-during-transfer.ts';
import { misdirectedRepair } from './misdirected-repair.ts';
import { pausedLeader } from './paused-leader.ts';
import { powerLossAfterRename } from './power-loss-after-rename.ts';
import { revisionAfterPowerLoss } from './revision-after-power-loss.ts';
import type { Scenario } from './scenario.ts';
import { tombstoneCompaction } from './tombstone-compaction.ts';
import { tornTail } from './torn-tail.ts';
import { watchedTombstone } from './watched-tombstone.ts';
import { watchFutureStart } from './watch-future-start.ts';
import { watchProgressOvertakes } from './watch-progress-overtakes.ts';

/** The first thirteen are classes of bugs that other stores shipped, the others were found here. */
export const SCENARIOS: readonly Scenario[] = [
  pausedLeader,
  tombstoneCompaction,
  revisionAfterPowerLoss,
  crashDuringApply,
  tornTail,
  watchProgressOvertakes,
  watchFutureStart,
  watchedTombstone,
  followerAfterCompaction,
  interruptedInstall,
  leaderChangeDuringTransfer,
  powerLossAfterRename,
  damagedSnapshot,
  misdirectedRepair,
  laggingFollower,
];

/** Throws a RangeError for an unknown name. */
export function findScenario(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found === undefined) {
    throw new RangeError(`there is no scenario "${name}"`);
  }
  return found;
}
