// The steps that write rules and take them away.
import { command, expectation, heading, note, output } from './screen.mts';
import { nodePortAddress, type ShopService } from './shop.mts';
import type { Stage } from './stage.mts';

const source = '--manifests examples --node node-a';

export function introduce(stage: Stage, seconds: number): void {
  const { pods, services } = stage.shop;
  heading(`A web shop: ${services.length} Services, and ${pods.length} pods on two nodes.`);
  command('node-a', 'cat examples/*.yaml   # in short:');
  for (const service of services) output(describe(service));
  note(
    `Each pod answers with its name. Nodes, pods and a client outside are network namespaces, made in ${seconds.toFixed(1)} s; ` +
      'rules are written in those of node-a only, never in yours.',
  );
}

export async function showDiff(stage: Stage, before: readonly string[]): Promise<void> {
  heading('Before anything is touched: what would change on node-a?');
  command('node-a', `nodeplane diff ${source}`);
  const { stdout, stderr, exitCode } = await stage.nodeplane('diff', ...stage.source);
  output(`${stdout}${stderr}`);
  expectation(exitCode === 1, 'diff tells of changes: exit code 1', `it was ${exitCode}`);
  const now = await stage.rules();
  expectation(
    isEqual(now, before),
    `and touched nothing: in the kernel are the ${before.length} lines of kubelet, no more`,
    `it has ${now.length}`,
  );
}

export async function apply(stage: Stage): Promise<void> {
  heading('Apply it: one transaction per table and family.');
  command('node-a', `nodeplane apply ${source}`);
  const applied = await stage.nodeplane('apply', ...stage.source);
  output(`${applied.stdout}${applied.stderr}`);
  expectation(applied.exitCode === 0, 'applied', `the exit code was ${applied.exitCode}`);
  command('node-a', `nodeplane diff ${source}`);
  const { stdout, stderr, exitCode } = await stage.nodeplane('diff', ...stage.source);
  output(`${stdout}${stderr}`);
  expectation(exitCode === 0, 'now kernel and manifests are equal: exit code 0', `it was ${exitCode}`);
}

export async function cleanUp(stage: Stage, before: readonly string[]): Promise<void> {
  heading('Take everything away again.');
  command('node-a', 'nodeplane cleanup');
  const { stdout, stderr, exitCode } = await stage.nodeplane('cleanup');
  output(`${stdout}${stderr}`);
  expectation(exitCode === 0, 'cleaned up', `the exit code was ${exitCode}`);
  const after = await stage.rules();
  expectation(
    isEqual(before, after),
    'every table of the kernel is as it was before, with the rules of kubelet',
    `now it has ${after.length} rules and chains, not ${before.length}`,
  );
  const shopWindow = {
    to: stage.service('frontend').loadBalancerIPs[0] ?? '',
    port: 80,
    timeoutMilliseconds: 400,
  };
  const [customer] = await stage.dial('client', shopWindow);
  expectation(customer?.outcome === 'timeout', 'and the shop is closed: nobody answers a customer');
}

function isEqual(some: readonly string[], others: readonly string[]): boolean {
  return some.join('\n') === others.join('\n');
}

/** `frontend   LoadBalancer  172.30.0.10:80  198.51.100.10  :30080  3 pods`. */
function describe(service: ShopService): string {
  const { name, type, clusterIPs, port, nodePort, loadBalancerIPs, readyPods } = service;
  const nodePortText = nodePort === 0 ? '' : `node:${nodePortAddress(service).port}`;
  return [
    name.padEnd(11),
    type.padEnd(12),
    (type === 'headless' ? '' : `${clusterIPs[0]}:${port}`).padEnd(15),
    (loadBalancerIPs[0] ?? '').padEnd(13),
    nodePortText.padEnd(10),
    `${readyPods} ready`,
  ].join(' ');
}
