import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { missingCommand } from '../system/harness/command.ts';
import { eventually } from '../system/harness/eventually.ts';
import { TestCluster } from '../system/harness/test-cluster.ts';
import { RunningCommand } from './harness/running-command.ts';

/** `etcdctl watch`, Debian's, against a cluster of ours. */
describe('etcdctl watch', { skip: missingCommand('etcdctl', 'etcd-client') }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.start({ flags: ['--watch-progress-notify-interval=200ms'] });
  });

  after(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  function etcdctl(...args: readonly string[]): RunningCommand {
    const endpoints = `--endpoints=${cluster.endpoints.join(',')}`;
    return new RunningCommand('etcdctl', [endpoints, ...args], { ETCDCTL_API: '3' });
  }

  test('tells changes as they happen, with what was before', async () => {
    const { revision } = await cluster.client.put('color', 'red');
    await using watch = etcdctl('watch', 'color', '--prev-kv', `--rev=${revision}`);
    await watch.prints('PUT\ncolor\nred\n');
    await cluster.client.put('color', 'blue');
    await cluster.client.delete('color');
    await watch.prints('PUT\ncolor\nred\nPUT\ncolor\nred\ncolor\nblue\nDELETE\ncolor\nblue\ncolor\n\n');
  });

  test('tells of a prefix, and of a range', async () => {
    const { revision } = await cluster.client.put('fruit/apple', '1');
    await using prefix = etcdctl('watch', 'fruit/', '--prefix', `--rev=${revision + 1}`);
    await using range = etcdctl('watch', 'fruit/b', 'fruit/d', `--rev=${revision + 1}`);
    for (const key of ['fruit/a', 'fruit/c', 'fruit/e', 'vegetable']) await cluster.client.put(key, '2');
    const lines = (...keys: string[]): string => keys.map((key) => `PUT\n${key}\n2\n`).join('');
    await prefix.prints(lines('fruit/a', 'fruit/c', 'fruit/e'));
    await range.prints(lines('fruit/c'));
  });

  test('resumes at a revision, and is told if that is compacted', async () => {
    const revisions: number[] = [];
    for (const value of ['1', '2', '3'])
      revisions.push((await cluster.client.put('resumed', value)).revision);
    const [, second = 0] = revisions;
    await cluster.client.compact(second);
    await using watch = etcdctl('watch', 'resumed', `--rev=${second}`);
    await watch.prints('PUT\nresumed\n2\nPUT\nresumed\n3\n');
    await using late = etcdctl('watch', 'resumed', `--rev=${second - 1}`);
    await late.prints(/required revision has been compacted/);
  });

  test('has many watches on one stream, and asks for progress', async () => {
    const { revision } = await cluster.client.put('other', '');
    await using watch = etcdctl('watch', '-i');
    watch.write(`watch one --rev=${revision}\nwatch two --rev=${revision} --prev-kv\n`);
    await cluster.client.put('two', '2');
    await cluster.client.put('one', '1');
    await watch.prints(/PUT\ntwo\n2\n/);
    await watch.prints(/PUT\none\n1\n/);
    watch.write('progress\n');
    await watch.prints(/progress notify: [0-9]+\n/);
  });

  // Not without a leader: etcdctl asks for a member that has one, and gives up when it hears that there is none.
  test('goes on at another member when its own is killed, and misses nothing', async () => {
    const { revision } = await cluster.client.put('survives', '0');
    const followers = await cluster.followers();
    const endpoints = followers.map((member) => member.endpoint).join(',');
    const args = [`--endpoints=${endpoints}`, 'watch', 'survives', `--rev=${revision}`];
    await using watch = new RunningCommand('etcdctl', args, { ETCDCTL_API: '3' });
    let expected = 'PUT\nsurvives\n0\n';
    await watch.prints(expected);
    for (const member of followers) {
      await member.kill();
      await cluster.client.put('survives', member.name);
      expected += `PUT\nsurvives\n${member.name}\n`;
      await watch.prints(expected);
      member.start();
      await cluster.leader();
    }
  });

  test('over the JSON gateway, events and progress come as lines', async () => {
    const { revision } = await cluster.client.put('json', 'a');
    const controller = new AbortController();
    const key = Buffer.from('json').toString('base64');
    const response = await fetch(`http://${cluster.member(0).endpoint}/v3/watch`, {
      method: 'POST',
      body: JSON.stringify({
        create_request: { key, start_revision: String(revision), progress_notify: true },
      }),
      signal: controller.signal,
    });
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    const last = (await cluster.client.put('json', 'b')).revision;
    const progress = `"revision":"${last}"`;
    await eventually('both events are there, and then progress', () => {
      assert.equal(text.split('"value":').length, 3, text);
      assert.equal(text.slice(text.lastIndexOf('"value":')).split(progress).length, 2, text);
    });
    controller.abort();
    await reading;
    type Line = {
      readonly result: { readonly created?: boolean; readonly events?: { kv: { value: string } }[] };
    };
    const [created, ...told] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    assert.equal(created?.result.created, true);
    const values = told.flatMap(({ result }) => (result.events ?? []).map(({ kv }) => kv.value));
    assert.deepEqual(values, ['YQ==', 'Yg==']);
  });
});
