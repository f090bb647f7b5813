import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PutRequest, PutResponse } from './generated/etcdserverpb/kv.ts';
import {
  authService,
  clusterService,
  healthService,
  kvService,
  leaseService,
  maintenanceService,
  watchService,
} from './services.ts';

/** As etcd's API has them: what its clients call. */
const paths = {
  kv: ['Range', 'RangeStream', 'Put', 'DeleteRange', 'Txn', 'Compact'],
  watch: ['Watch'],
  lease: ['LeaseGrant', 'LeaseRevoke', 'LeaseKeepAlive', 'LeaseTimeToLive', 'LeaseLeases'],
  cluster: ['MemberAdd', 'MemberRemove', 'MemberUpdate', 'MemberList', 'MemberPromote'],
  maintenance: ['Alarm', 'Status', 'Defragment', 'Hash', 'HashKV', 'Snapshot', 'MoveLeader', 'Downgrade'],
  auth: (
    'AuthEnable AuthDisable AuthStatus Authenticate UserAdd UserGet UserList UserDelete UserChangePassword ' +
    'UserGrantRole UserRevokeRole RoleAdd RoleGet RoleList RoleDelete RoleGrantPermission RoleRevokePermission'
  ).split(' '),
};

function pathsOf(service: {
  readonly methods: Readonly<Record<string, { readonly path: string }>>;
}): string[] {
  return Object.values(service.methods).map((method) => method.path);
}

test('every service has the methods of etcd, under the same paths', () => {
  assert.deepEqual(
    pathsOf(kvService),
    paths.kv.map((name) => `/etcdserverpb.KV/${name}`),
  );
  assert.deepEqual(
    pathsOf(watchService),
    paths.watch.map((name) => `/etcdserverpb.Watch/${name}`),
  );
  assert.deepEqual(
    pathsOf(leaseService),
    paths.lease.map((name) => `/etcdserverpb.Lease/${name}`),
  );
  assert.deepEqual(
    pathsOf(clusterService),
    paths.cluster.map((name) => `/etcdserverpb.Cluster/${name}`),
  );
  assert.deepEqual(
    pathsOf(maintenanceService),
    paths.maintenance.map((name) => `/etcdserverpb.Maintenance/${name}`),
  );
  assert.deepEqual(
    pathsOf(authService),
    paths.auth.map((name) => `/etcdserverpb.Auth/${name}`),
  );
  assert.deepEqual(pathsOf(healthService), ['/grpc.health.v1.Health/Check', '/grpc.health.v1.Health/Watch']);
});

test('a method knows its codecs and which sides stream', () => {
  assert.deepEqual(kvService.methods.put, {
    path: '/etcdserverpb.KV/Put',
    requestStream: false,
    responseStream: false,
    request: PutRequest,
    response: PutResponse,
  });
  assert.equal(watchService.methods.watch.requestStream, true);
  assert.equal(watchService.methods.watch.responseStream, true);
  assert.equal(maintenanceService.methods.snapshot.requestStream, false);
  assert.equal(maintenanceService.methods.snapshot.responseStream, true);
});
