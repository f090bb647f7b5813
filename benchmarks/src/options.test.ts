import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBenchmarkOptions, UsageError } from './options.ts';

test('reads are a fraction or a percentage', () => {
  assert.equal(parseBenchmarkOptions(['--reads', '0.25'])?.reads, 0.25);
  assert.equal(parseBenchmarkOptions(['--reads', '25%'])?.reads, 0.25);
  assert.equal(parseBenchmarkOptions(['--reads', '1'])?.reads, 1);
});

test('replication takes one mode or several', () => {
  assert.deepEqual(parseBenchmarkOptions(['--replication', 'pipelined'])?.replication, ['pipelined']);
  assert.deepEqual(parseBenchmarkOptions([])?.replication, ['vanilla', 'pipelined']);
});

test('etcd can be left out', () => {
  assert.equal(parseBenchmarkOptions([])?.etcd, true);
  assert.equal(parseBenchmarkOptions(['--no-etcd'])?.etcd, false);
});

test('help is not a run', () => {
  assert.equal(parseBenchmarkOptions(['--help']), null);
});

test('mistakes are named', () => {
  for (const [args, words] of [
    [['--clients', '0'], '--clients'],
    [['--clients', 'many'], '--clients'],
    [['--reads', '150%'], '--reads'],
    [['--reads', ''], '--reads'],
    [['--members', '2'], '--members'],
    [['--replication', 'quick'], '--replication'],
    [['--replication', ''], '--replication'],
    [['--engine', 'tape'], '--engine'],
    [['--sped', '3'], '--sped'],
    [['extra'], 'extra'],
  ] as const) {
    assert.throws(
      () => parseBenchmarkOptions(args),
      (error) => error instanceof UsageError && error.message.includes(words),
    );
  }
});
