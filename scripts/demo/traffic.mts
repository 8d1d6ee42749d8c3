// The steps that send real connections and look who answers.
import type { DialResult } from '../../test/netns/actor.ts';
import { clientAddressNumber } from '../../test/netns/addresses.ts';
import { bars, command, expectation, heading, output } from './screen.mts';
import { nodePortAddress } from './shop.mts';
import type { Stage } from './stage.mts';

const customers = Array.from({ length: 40 }, (_, index) => clientAddressNumber(index + 20, 'IPv4'));

export async function balance(stage: Stage): Promise<void> {
  heading('Customers come to the address of the load balancer: who serves them?');
  const { loadBalancerIPs, port } = stage.service('frontend');
  const [ipv4 = '', ipv6 = ''] = loadBalancerIPs;
  command('client', `curl http://${ipv4}   # 300 times`);
  await spread(stage, 'client', { to: ipv4, port, sources: customers, count: 300 }, 3);
  command('client', `curl http://[${ipv6}]   # 300 times, IPv6`);
  await spread(stage, 'client', { to: ipv6, port, count: 300 }, 3);
}

export async function insideTheCluster(stage: Stage): Promise<void> {
  heading('Inside, pods reach each other by ClusterIP: TCP, and UDP datagrams.');
  const catalog = stage.service('catalog');
  const catalogIP = catalog.clusterIPs[0] ?? '';
  command('frontend-1', `curl http://${catalogIP}   # 100 times`);
  await spread(stage, 'frontend-1', { to: catalogIP, port: catalog.port, count: 100 }, 2);
  const names = stage.service('names');
  const namesIP = names.clusterIPs[1] ?? '';
  command('frontend-1', `dig @${namesIP} shop   # 100 times, UDP over IPv6`);
  await spread(stage, 'frontend-1', { protocol: 'UDP', to: namesIP, port: names.port, count: 100 }, 2);
}

export async function stick(stage: Stage): Promise<void> {
  heading('sessionAffinity: ClientIP brings customers back to the pod with their cart.');
  const target = nodePortAddress(stage.service('cart'));
  command('client', `curl http://${target.to}:${target.port}   # 8 customers, 10 times`);
  const sources = customers.slice(0, 8);
  const results = await stage.dial('client', { ...target, sources, count: 80 });
  const chosen = sources.map((source) => ({
    source,
    counts: countServers(results.filter(({ from }) => from === source)),
  }));
  for (const { source, counts } of chosen) {
    const told = Object.entries(counts).map(([server, times]) => `${server} ${'■'.repeat(times)}`);
    output(`${source.padEnd(15)}${told.join('  ')}`);
  }
  const faithful = chosen.filter(({ counts }) => Object.values(counts).join() === '10').length;
  expectation(
    faithful === sources.length,
    'each got one pod, 10 times out of 10',
    `only ${faithful} of 8 did`,
  );
}

export async function keepSource(stage: Stage): Promise<void> {
  heading('externalTrafficPolicy: Local shows the pod who the customer really is.');
  const [customer = ''] = customers;
  const seen = async (name: string) => {
    const { loadBalancerIPs, port } = stage.service(name);
    command(
      'client',
      `curl http${port === 443 ? 's' : ''}://${loadBalancerIPs[0]}   # from ${customer}, ${name}`,
    );
    const to = loadBalancerIPs[0] ?? '';
    const results = await stage.dial('client', { to, port, sources: [customer], count: 20 });
    const answers = results.flatMap((result) => (result.outcome === 'answered' ? [result] : []));
    const sources = [...new Set(answers.map(({ source }) => source))];
    const servers = [...new Set(answers.map(({ server }) => server))].sort();
    output(`answered by ${servers.join(', ')}\nthe sender that they saw: ${sources.join(', ')}`);
    return { sources, servers, all: answers.length === results.length };
  };
  const payments = await seen('payments');
  expectation(
    payments.all && payments.sources.join() === customer && payments.servers.join() === 'payments-1',
    'payments: only the pod on this node answers, and it saw the customer',
  );
  const frontend = await seen('frontend');
  expectation(
    frontend.all && !frontend.sources.includes(customer),
    'frontend (policy Cluster): any pod answers, and it saw the node instead',
  );
}

export async function guard(stage: Stage): Promise<void> {
  heading('loadBalancerSourceRanges lets in the office, 203.0.113.0/25, and no other.');
  const { loadBalancerIPs, port } = stage.service('back-office');
  const to = loadBalancerIPs[0] ?? '';
  for (const [source, isWelcome] of [
    [clientAddressNumber(99, 'IPv4'), true],
    [clientAddressNumber(199, 'IPv4'), false],
  ] as const) {
    command('client', `curl --interface ${source} http://${to}`);
    const patience = isWelcome ? 5000 : 500;
    const [result] = await stage.dial('client', {
      to,
      port,
      sources: [source],
      timeoutMilliseconds: patience,
    });
    const wanted = isWelcome ? 'answered' : 'timeout';
    const told = isWelcome ? `${source} is answered` : `${source} gets no answer at all`;
    expectation(result?.outcome === wanted, told, `the outcome was ${result?.outcome}`);
  }
}

export async function refuse(stage: Stage): Promise<void> {
  heading('No pod of search is ready: who asks is refused at once and need not wait.');
  const { clusterIPs, port } = stage.service('search');
  command('frontend-1', `curl http://${clusterIPs[0]}`);
  const results = await stage.dial('frontend-1', { to: clusterIPs[0] ?? '', port, count: 3 });
  const times = results.map(({ milliseconds }) => `${milliseconds.toFixed(1)} ms`).join(', ');
  const refused = results.every(({ outcome }) => outcome === 'refused');
  expectation(refused, `refused, three times: after ${times}`, results.map(({ outcome }) => outcome).join());
  const rules = await stage.rules();
  expectation(
    !rules.some((rule) => rule.includes('shop/database')),
    'and the headless database has no rule at all',
  );
}

async function spread(
  stage: Stage,
  place: string,
  dial: Parameters<Stage['dial']>[1],
  pods: number,
): Promise<void> {
  const results = await stage.dial(place, dial);
  const counts = countServers(results);
  bars(counts, nodeOf(stage));
  const failed = results.filter(({ outcome }) => outcome !== 'answered');
  const isFine = failed.length === 0 && Object.keys(counts).length === pods;
  expectation(
    isFine,
    `all ${results.length} answered, by ${pods} pods`,
    `${failed.length} were not (${failed[0]?.outcome}), and ${Object.keys(counts).length} pods did`,
  );
}

/** Tells on which node a pod is. */
function nodeOf({ shop }: Stage): (pod: string) => string {
  return (name) => shop.pods.find(({ pod }) => pod.name === name)?.pod.node ?? '';
}

function countServers(results: readonly DialResult[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    if (result.outcome === 'answered') counts[result.server] = (counts[result.server] ?? 0) + 1;
  }
  return counts;
}
