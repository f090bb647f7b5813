import { type Mutation, simulate, tests } from './mutation.ts';

const replica = 'packages/replica/src';
const leases = `${replica}/leases`;
const kv = 'packages/kv/src';
const leaseTests = `${leases}/*.test.ts`;
const kvTests = ['packages/kv/src/leases.test.ts', 'packages/kv/src/store-model.test.ts'] as const;

/** Faults in keeping leases alive and in ending them. */
export const leaseMutations: readonly Mutation[] = [
  {
    name: 'lease-clock-survives-the-leader',
    fault: 'a member that is deposed goes on to decide about leases in its old term, until it leads again',
    edits: [
      {
        file: `${leases}/lease-service.ts`,
        find: '  deposed(): void {\n    this.timekeeper.end();\n  }',
        replace: '  deposed(): void {\n    this.timekeeper.expiredLeases(0);\n  }',
      },
      {
        file: `${leases}/lease-service.ts`,
        find: 'if (leader !== null && leader !== this.host.memberId) return await there(leader);',
        replace:
          'if (this.timekeeper.term === null && leader !== null && leader !== this.host.memberId) return await there(leader);',
      },
    ],
    detectors: [tests(leaseTests), simulate(300, '--faults', 'transfer,partition,crash')],
  },
  {
    name: 'lease-begins-anew',
    fault: 'a new leader gives every lease its whole TTL again: its checkpoint is ignored',
    edits: [
      {
        file: `${leases}/lease-timekeeper.ts`,
        find: 'deadlineMs: sinceMs + lease.remainingMs,',
        replace: 'deadlineMs: sinceMs + lease.ttlSeconds * 1000,',
      },
    ],
    detectors: [tests(leaseTests)],
  },
  {
    name: 'lease-checkpoint-outlives-renewal',
    fault: 'a lease is kept alive without undoing its checkpoint, so that a new leader ends it early',
    edits: [
      {
        file: `${leases}/lease-timekeeper.ts`,
        find: 'return lease.remainingMs === lease.ttlSeconds * 1000 && lessProposed === lessUndone;',
        replace: 'return lessProposed >= lessUndone;',
      },
    ],
    detectors: [simulate(400), tests(leaseTests)],
  },
  {
    name: 'lease-ended-by-a-deposed-leader',
    fault:
      'the decision of a leader to end a lease counts in later terms, too, and is proposed again in them',
    edits: [
      {
        file: 'packages/kv/src/lease-commands.ts',
        find: 'if (expiredInTerm === 0 || expiredInTerm === term) {',
        replace: 'if (expiredInTerm <= term) {',
      },
    ],
    detectors: [tests(...kvTests), simulate(300)],
  },
  {
    name: 'lease-renewed-without-confirmation',
    fault: 'a leader keeps a lease alive without confirming that it still leads (as in etcd 15247)',
    edits: [
      {
        file: `${leases}/lease-service.ts`,
        find: '    // Another member may lead by now and have ended the lease (dissertation, section 6.4).\n    await this.host.linearize(call);\n',
        replace: '',
      },
    ],
    detectors: [tests(leaseTests), simulate(300)],
  },
  {
    name: 'lease-renewed-after-expiry',
    fault: 'a lease that has expired is kept alive while its end is on its way (as in etcd before 3.5.23)',
    edits: [
      {
        file: `${leases}/lease-timekeeper.ts`,
        find: 'if (timed.deadlineMs <= nowMs && !timed.isExpired) {',
        replace: 'if (timed.deadlineMs + 60_000 <= nowMs && !timed.isExpired) {',
      },
    ],
    detectors: [tests(leaseTests), simulate(300)],
  },
  {
    name: 'lease-expires-early',
    fault: 'a lease is counted from when it was asked for last but one',
    edits: [
      {
        file: `${leases}/lease-timekeeper.ts`,
        find: 'timed.deadlineMs = nowMs + lease.ttlSeconds * 1000;',
        replace: 'timed.deadlineMs += lease.ttlSeconds * 500;',
      },
    ],
    detectors: [simulate(100), tests(leaseTests)],
  },
  {
    name: 'lease-never-ends',
    fault: 'leases that were granted before the leader led are not looked at',
    edits: [
      {
        file: `${leases}/lease-timekeeper.ts`,
        find: '} else if (!this.timed.has(next.value.id)) {',
        replace: '} else if (this.timed.has(next.value.id)) {',
      },
    ],
    detectors: [simulate(100), tests(leaseTests)],
  },
  {
    name: 'lease-leaves-a-key',
    fault: 'the end of a lease deletes all of its keys but the last',
    edits: [
      {
        file: 'packages/kv/src/lease-commands.ts',
        find: 'map.deleteKeys([...lease.keys].sort());\n    map.leases.remove(id);',
        replace:
          'map.deleteKeys([...lease.keys].sort().slice(0, -1));\n    for (const key of lease.keys) map.leases.detach(key);\n    map.leases.remove(id);',
      },
    ],
    detectors: [simulate(40), tests(...kvTests)],
  },
  {
    name: 'lease-keeps-a-detached-key',
    fault: 'a put without a lease does not detach the key from the lease that it had',
    edits: [
      {
        file: 'packages/kv/src/versioned-map.ts',
        find: '    this.leases.attach(key, lease);\n  }',
        replace: '    if (lease !== 0n) this.leases.attach(key, lease);\n  }',
      },
    ],
    detectors: [simulate(60), tests(...kvTests)],
  },
  {
    name: 'put-with-ttl-not-timed',
    fault: 'a leader that leads already forgets the leases that are granted with a put',
    edits: [
      {
        file: `${replica}/leases/lease-service.ts`,
        find: "        if (response.$case === 'putWithTtl') this.timekeeper.granted(response.lease, nowMs);\n",
        replace: '',
      },
    ],
    detectors: [simulate(60)],
  },
  {
    name: 'put-with-ttl-apart',
    fault: 'a put that is granted its lease is under no lease',
    edits: [
      {
        file: `${kv}/lease-commands.ts`,
        find: '  map.leases.grant(put.lease, ttl);\n  return executePut(map, put);',
        replace: '  map.leases.grant(put.lease, ttl);\n  return executePut(map, { ...put, lease: 0n });',
      },
    ],
    detectors: [simulate(60)],
  },
];
