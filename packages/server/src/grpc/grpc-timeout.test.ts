import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGrpcTimeout } from './grpc-timeout.ts';

test('every unit of a timeout is understood', () => {
  const expected = { '2H': 7_200_000, '3M': 180_000, '4S': 4000, '250m': 250, '1500u': 1.5, '500000n': 0.5 };
  for (const [text, ms] of Object.entries(expected)) {
    assert.equal(parseGrpcTimeout(text), ms);
  }
});

test('what is no timeout is none', () => {
  for (const text of [undefined, '', '10', 'm', '-1m', '1.5S', '10x', '123456789m']) {
    assert.equal(parseGrpcTimeout(text), null);
  }
});
