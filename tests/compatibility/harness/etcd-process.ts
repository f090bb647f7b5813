import { RunningCommand } from './running-command.ts';
import { freePorts } from '../../system/harness/free-ports.ts';
import { TemporaryDirectory } from '../../system/harness/temporary-directory.ts';
import { eventually } from '../../system/harness/eventually.ts';
import assert from 'node:assert/strict';

/** A member of etcd alone, on free loopback ports, with its data in a temporary directory. */
export class EtcdProcess implements AsyncDisposable {
  /** As host and port. */
  readonly endpoint: string;
  readonly #directory: TemporaryDirectory;
  readonly #command: RunningCommand;

  /** Starts it and waits until it is healthy. */
  static async start(): Promise<EtcdProcess> {
    const directory = await TemporaryDirectory.create();
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const etcd = new EtcdProcess(directory, clientPort, peerPort);
    await eventually('etcd is healthy', async () => {
      const response = await fetch(`http://${etcd.endpoint}/health`);
      assert.match(await response.text(), /"true"/);
    });
    return etcd;
  }

  private constructor(directory: TemporaryDirectory, clientPort: number, peerPort: number) {
    this.#directory = directory;
    this.endpoint = `127.0.0.1:${clientPort}`;
    const clientUrl = `http://${this.endpoint}`;
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    this.#command = new RunningCommand('etcd', [
      `--data-dir=${directory.path}/etcd`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#command[Symbol.asyncDispose]();
    await this.#directory[Symbol.asyncDispose]();
  }
}
