import { families } from '../../src/model/address.ts';
import { bundle, nodeplane } from '../cli/nodeplane.ts';
import { ask, createBridge } from '../cluster/bridge.ts';
import type { Component } from '../cluster/component.ts';
import { hostOf } from '../cluster/host.ts';
import type { Json } from '../conformance/objects.ts';
import { sumOf } from '../faults/agent.ts';
import { type Bed, until } from '../faults/bed.ts';
import type { Program } from '../netns/program.ts';

const proxyName = 'mesh';

const door = '/run/second-metrics.sock';

/** The same objects with the Services given to the proxy of the name. */
export function labelled(objects: readonly Json[]): readonly Json[] {
  const labels = { 'service.kubernetes.io/service-proxy-name': proxyName };
  return objects.map((object) => {
    const { metadata } = object;
    if (object['kind'] !== 'Service' || typeof metadata !== 'object') return object;
    return { ...object, metadata: { ...metadata, labels } };
  });
}

/** A second nodeplane on node-a, which serves what carries its name. The bed's own is in kube-proxy's place. */
export class SecondProxy {
  readonly #bed: Bed;
  readonly #flags: readonly string[];
  readonly #bridge: Component;
  #program: Program | undefined;

  constructor(bed: Bed, flags: readonly string[] = []) {
    this.#bed = bed;
    const { kubeconfig } = bed.api;
    const source = ['--kubeconfig', kubeconfig, '--node', 'node-a', '--iptables-variant', bed.variant];
    this.#flags = [...source, '--service-proxy-name', proxyName, ...flags];
    this.#bridge = createBridge(hostOf(bed.world, 'node-a'), { [door]: '127.0.0.1:10250' });
    this.#bridge.start();
  }

  /** Until the first sync of this life has gone through. */
  async start(): Promise<void> {
    const doors = ['--healthz-bind-address', '127.0.0.1:10257', '--metrics-bind-address', '127.0.0.1:10250'];
    this.#program = this.#bed.world.start('node-a', [
      process.execPath,
      bundle,
      'run',
      ...this.#flags,
      ...doors,
    ]);
    await until(
      () => `the first sync of both families\n${this.tail()}`,
      30_000,
      () => this.#hasSynced(),
    );
  }

  async #hasSynced(): Promise<boolean> {
    const metrics = await ask(this.#bed.world.path(door), '/metrics').catch(() => undefined);
    const stamp = 'kubeproxy_sync_proxy_rules_last_timestamp_seconds';
    return families.every((family) => sumOf(metrics?.body ?? '', stamp, [family]) > 0);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#program?.stop(signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.stop('SIGKILL'), this.#bridge.stop('SIGKILL')]);
  }

  /** Lines of the log of this life that have the words. */
  entries(words: string): readonly string[] {
    return (this.#program?.lines ?? []).filter((line) => line.includes(words));
  }

  tail(): string {
    return (this.#program?.lines ?? []).slice(-25).join('\n');
  }

  diff() {
    return nodeplane(this.#bed.world.exec('node-a'), 'diff', ...this.#flags);
  }

  cleanup() {
    const flags = ['--iptables-variant', this.#bed.variant, '--service-proxy-name', proxyName];
    return nodeplane(this.#bed.world.exec('node-a'), 'cleanup', ...flags);
  }

  /** Until a fresh look at the source finds nothing to change in the kernel. */
  async untilConverged(): Promise<void> {
    let last = '';
    await until(
      () => `the second one's diff: ${last}\n${this.tail()}`,
      20_000,
      async () => {
        const { exitCode, stdout, stderr } = await this.diff();
        last = `${exitCode} ${stdout} ${stderr}`;
        return exitCode === 0;
      },
    );
  }
}
