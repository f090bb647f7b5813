import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../api/api-error.ts';
import { errorTrailers } from './grpc-status.ts';

test('a failure is told by number, percent-encoded text and outcome', () => {
  assert.deepEqual(errorTrailers(new ApiError('unavailable', 'etcdserver: no leader', 'none')), {
    'grpc-status': '14',
    'grpc-message': 'etcdserver: no leader',
    'quorate-outcome': 'none',
  });
  const odd = errorTrailers(new ApiError('internal', '100 % of Zoë\n\ud800', 'unknown'));
  assert.equal(odd['grpc-message'], '100 %25 of Zo%C3%AB%0A%EF%BF%BD');
});
