// The world that the demo plays in, with the shop's pods, and the nodeplane that runs on its node.
import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandResult } from '../../src/kernel/exec.ts';
import type { DialResult } from '../../test/netns/actor.ts';
import type { Program } from '../../test/netns/program.ts';
import { createWorld, type Dial, type Place, type World } from '../../test/netns/world.ts';
import { examples, readShop, type Shop, type ShopPod, type ShopService } from './shop.mts';

const nodeplane = join(import.meta.dirname, '../../dist/nodeplane.mjs');

/** A directory of the world's own, which vanishes with it. */
export const liveDirectory = '/run/shop';

/** By these chains programs find out which iptables variant the node uses. */
const kubeletChains = ['*mangle', ':KUBE-IPTABLES-HINT - [0:0]', ':KUBE-KUBELET-CANARY - [0:0]', 'COMMIT'];

const kubeletFirewall = [
  '*filter',
  ':KUBE-FIREWALL - [0:0]',
  '-A INPUT -j KUBE-FIREWALL',
  '-A OUTPUT -j KUBE-FIREWALL',
  '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
  'COMMIT',
];

export class Stage {
  readonly world: World;
  readonly shop: Shop;

  private constructor(world: World, shop: Shop) {
    this.world = world;
    this.shop = shop;
  }

  static async build(): Promise<Stage> {
    const shop = await readShop();
    const stage = new Stage(await createWorld({ pods: shop.pods.map(({ pod }) => pod) }), shop);
    await Promise.all([...shop.pods.map((pod) => stage.open(pod)), stage.#actKubelet()]);
    return stage;
  }

  /** Starts the servers of a pod. */
  async open({ pod, sockets }: ShopPod): Promise<void> {
    for (const { port, protocol } of sockets) {
      await this.world.listen(pod.name, { ports: [port], protocols: [protocol] });
    }
  }

  service(name: string): ShopService {
    const found = this.shop.services.find((service) => service.name === name);
    if (!found) throw new Error(`examples has no Service ${name}`);
    return found;
  }

  /** Runs the bundled program on the node. */
  nodeplane(...args: readonly string[]): Promise<CommandResult> {
    return this.world.exec('node-a')({
      argv: [process.execPath, nodeplane, ...args],
      timeoutMilliseconds: 20_000,
    });
  }

  /** The three words that nearly every verb needs. */
  get source(): readonly string[] {
    return ['--manifests', examples, '--node', 'node-a'];
  }

  /** Starts the agent on a copy of the examples. */
  async startAgent(): Promise<Program> {
    const directory = this.world.path(liveDirectory);
    await mkdir(directory);
    await cp(examples, directory, { recursive: true });
    const argv = [
      process.execPath,
      nodeplane,
      'run',
      '--manifests',
      liveDirectory,
      '--node',
      'node-a',
    ] as const;
    return this.world.start('node-a', argv);
  }

  /** As careful editors and controllers do: a new file takes the place of the old one. */
  async replaceManifest(name: string, text: string): Promise<void> {
    const path = this.world.path(`${liveDirectory}/${name}`);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }

  dial(place: Place, dial: Dial): Promise<readonly DialResult[]> {
    return this.world.dial(place, { timeoutMilliseconds: 2000, concurrency: 50, ...dial });
  }

  /** Rules and chains of all tables, families and variants; not the built-in chains, nor counters. */
  async rules(): Promise<readonly string[]> {
    const programs = ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy'];
    const script = programs.map((program) => `echo "# ${program}"; ${program}-save`).join('; ');
    const { stdout } = await this.world.exec('node-a')({
      argv: ['sh', '-c', script],
      timeoutMilliseconds: 20_000,
    });
    return stdout.split('\n').filter((line) => /^-A |^:\S+ - /.test(line));
  }

  /** What kubelet has written on any node before a service proxy comes; cleanup must leave it. */
  async #actKubelet(): Promise<void> {
    for (const [program, rules] of [
      ['iptables-nft-restore', [...kubeletChains, ...kubeletFirewall]],
      ['ip6tables-nft-restore', kubeletChains],
    ] as const) {
      const stdin = [`${rules.join('\n')}\n`];
      const { exitCode, stderr } = await this.world.exec('node-a')({
        argv: [program, '--noflush'],
        stdin,
        timeoutMilliseconds: 20_000,
      });
      if (exitCode !== 0) throw new Error(`the rules of kubelet could not be written: ${stderr}`);
    }
  }

  close(): Promise<void> {
    return this.world.close();
  }
}
