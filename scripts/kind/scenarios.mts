// The scenarios of test/cluster as far as kubectl alone can play them.
import { $ } from 'zx';
import { balancerAddresses } from './files.mts';
import { callScript, complaintOf, readCalls, urlOf } from './traffic.mts';

export interface Scenario {
  readonly name: string;
  /** @returns what went wrong, if anything. */
  readonly play: () => Promise<string | undefined>;
}

const kubectl = async (...args: readonly string[]): Promise<string> => (await $`kubectl ${args}`).stdout;

export const scenarios: readonly Scenario[] = [
  { name: 'ClusterIPs of both families answer pods', play: async () => reach(await clusterIPs(), 80) },
  {
    name: 'NodePorts of every node answer pods',
    play: async () => reach(await nodeAddresses(), await nodePort()),
  },
  { name: 'load-balancer addresses answer pods', play: balancerAnswers },
  { name: '1 → 8 → 2 servers under traffic', play: () => underTraffic(scale) },
  { name: 'a rolling update under traffic', play: () => underTraffic(restart) },
  { name: 'the agents are restarted under traffic', play: () => underTraffic(restartAgents) },
  { name: 'no node has anything to change', play: nothingDiffers },
];

async function reach(addresses: readonly string[], port: number): Promise<string | undefined> {
  for (const address of addresses) {
    const complaint = complaintOf(await call(urlOf(address, port), 30), 2);
    if (complaint !== undefined) return `${urlOf(address, port)}: ${complaint}`;
  }
  return addresses.length === 0 ? 'there are no addresses' : undefined;
}

async function call(url: string, calls: number) {
  return readCalls(await kubectl('exec', 'client', '--', 'sh', '-c', callScript(url, calls)));
}

async function clusterIPs(): Promise<readonly string[]> {
  return words(await kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIPs[*]}'));
}

async function nodePort(): Promise<number> {
  return Number(await kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}'));
}

async function nodeAddresses(): Promise<readonly string[]> {
  const path = 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}';
  return words(await kubectl('get', 'nodes', '-o', path));
}

async function balancerAnswers(): Promise<string | undefined> {
  const ingress = balancerAddresses.map((ip) => ({ ip }));
  const patch = JSON.stringify({ status: { loadBalancer: { ingress } } });
  await kubectl('patch', 'service', 'web', '--subresource=status', '--type=merge', '--patch', patch);
  await $`sleep 3`;
  return reach(balancerAddresses, 80);
}

/** Calls both families all the while; some calls are left when the change is done. */
async function underTraffic(change: () => Promise<void>): Promise<string | undefined> {
  const addresses = await clusterIPs();
  const running = addresses.map((address) => call(urlOf(address, 80), 1500));
  await change();
  for (const [index, calls] of (await Promise.all(running)).entries()) {
    const complaint = complaintOf(calls, 1);
    if (complaint !== undefined) return `${addresses[index]}: ${complaint}`;
  }
  return undefined;
}

async function scale(): Promise<void> {
  for (const replicas of [1, 8, 2]) {
    await kubectl('scale', 'deployment', 'web', `--replicas=${replicas}`);
    await kubectl('rollout', 'status', 'deployment', 'web', '--timeout=120s');
  }
}

async function restart(): Promise<void> {
  await kubectl('rollout', 'restart', 'deployment', 'web');
  await kubectl('rollout', 'status', 'deployment', 'web', '--timeout=180s');
}

async function restartAgents(): Promise<void> {
  await kubectl('-n', 'kube-system', 'rollout', 'restart', 'daemonset', 'nodeplane');
  await kubectl('-n', 'kube-system', 'rollout', 'status', 'daemonset', 'nodeplane', '--timeout=180s');
}

async function nothingDiffers(): Promise<string | undefined> {
  const selector = 'app.kubernetes.io/name=nodeplane';
  const pods = words(
    await kubectl(
      '-n',
      'kube-system',
      'get',
      'pods',
      '-l',
      selector,
      '-o',
      'jsonpath={.items[*].metadata.name}',
    ),
  );
  for (const pod of pods) {
    const diff = ['nodeplane', 'diff', '--config=/etc/nodeplane/config.yaml'];
    const { exitCode, stdout, stderr } = await $({
      nothrow: true,
    })`kubectl -n kube-system exec ${pod} -c nodeplane -- ${diff}`;
    if (exitCode !== 0) return `${pod}: ${stdout}${stderr}`;
  }
  return pods.length === 0 ? 'there are no agents' : undefined;
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
