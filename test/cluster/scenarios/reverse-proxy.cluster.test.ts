import { beforeAll, expect, it } from 'vitest';
import { type Family, families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import { http, httpPort } from '../images/http.ts';
import { accessLog, findNginx, nginxPort, reverseProxy } from '../images/nginx.ts';
import { clientAddressNumber } from '../network/addresses.ts';
import type { Place } from '../network/network.ts';
import { until } from '../until.ts';
import { describeCluster } from './describe-cluster.ts';
import { deployment, service } from './objects.ts';
import { addressesOf, podsOf } from './read.ts';
import { untilReady } from './waits.ts';

const program = await findNginx();
const upstream = '172.30.0.90';
const numbers = Array.from({ length: 20 }, (_, index) => 100 + index);
const followedMilliseconds = 20_000;
const ingress = { kind: 'Service', name: 'ingress' } as const;

if (program === undefined)
  it('a reverse proxy', (context) => context.skip('no nginx (npm run setup fetches it where apt-get can)'));
else {
  const images = { http, nginx: reverseProxy(program, `${upstream}:80`) };
  describeCluster('a reverse proxy behind a load balancer', proxies, { images });
}

/** As ingress controllers are: the client reaches nginx by a load balancer, and nginx the web servers by their ClusterIP. */
function proxies(theCluster: () => Cluster): void {
  let cluster: Cluster;
  let balancer: Readonly<Record<Family, string>>;

  beforeAll(async () => {
    cluster = theCluster();
    const { api } = cluster;
    const spec = { clusterIP: upstream };
    await api.create(service({ name: 'web', ports: [{ port: 80, targetPort: httpPort }], spec }));
    // Without ports nobody probes them: here nothing happens to them.
    await api.create(deployment({ name: 'web', replicas: 3, image: 'http', ports: [] }));
    await api.create(
      deployment({
        name: 'ingress',
        replicas: 2,
        image: 'nginx',
        ports: [nginxPort],
        preStopSeconds: 8,
        rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
      }),
    );
    await api.create(
      service({
        name: 'ingress',
        type: 'LoadBalancer',
        ports: [{ port: 80, targetPort: nginxPort }],
        spec: { externalTrafficPolicy: 'Local' },
      }),
    );
    await Promise.all(['web', 'ingress'].map((name) => untilReady(api, name)));
    await untilServing(2);
    balancer = (await addressesOf(api, 'ingress')).balancer;
    await until(
      () => 'answers of all web servers through the load balancer',
      followedMilliseconds,
      async () => (await ask('IPv4', numbers)).every(({ status }) => status === 200),
    );
  });

  const untilServing = (nodes: number) => {
    const serving = () => cluster.cloud.healthy('default', 'ingress');
    const what = () => `${nodes} nodes serve, not ${serving().join()}`;
    return until(what, followedMilliseconds, async () => serving().length === nodes);
  };

  /** One request from each of the client's addresses with these numbers. */
  async function ask(family: Family, from: readonly number[]): Promise<readonly Response[]> {
    const url = `http://${family === 'IPv6' ? `[${balancer.IPv6}]` : balancer.IPv4}/`;
    const asked = from.map(async (number) => {
      const source = clientAddressNumber(number, family);
      const argv = ['curl', '--silent', '--max-time', '5', '--interface', source] as const;
      const { stdout } = await cluster.network.exec('client')({
        argv: [...argv, '--write-out', '%{http_code}', url],
        timeoutMilliseconds: 10_000,
      });
      const [, body = '', status] = stdout.match(/^(.*?)\n?(\d+)$/s) ?? [];
      return { status: Number(status), body };
    });
    return Promise.all(asked);
  }

  /** What all nginx have logged, sorted. */
  async function logged(pods: readonly Place[]): Promise<readonly string[]> {
    const logs = await Promise.all(pods.map((place) => accessLog(cluster.network, place)));
    return logs.flat().sort();
  }

  /** What is logged for a request from each of the addresses. */
  async function loggedFor(family: Family): Promise<readonly string[]> {
    const pods = await podsOf(cluster.api, 'ingress');
    const before = await logged(pods);
    const answers = await ask(family, numbers);
    expect(answers.map(({ status }) => status)).toEqual(numbers.map(() => 200));
    const added = [...(await logged(pods))];
    for (const line of before) added.splice(added.indexOf(line), 1);
    return added;
  }

  it.each(families)('%s: nginx logs the own address of each client with policy Local', async (family) => {
    const clients = numbers.map((number) => clientAddressNumber(number, family));
    expect(await loggedFor(family)).toEqual(clients.toSorted());
  });

  it('hands on to all web servers', async () => {
    const answers = await ask('IPv6', [...numbers, ...numbers]);
    const servers = new Set(answers.map(({ body }) => `default/${body.replace(/:.*/s, '')}`));
    expect([...servers].sort()).toEqual(await podsOf(cluster.api, 'web'));
  });

  it('serves every request while nginx is rolled out anew', async () => {
    const before = await podsOf(cluster.api, 'ingress');
    const urls = [`http://${balancer.IPv4}/`, `http://[${balancer.IPv6}]/`];
    const figures = '%{http_code} after %{time_total} s %{errormsg}\\n';
    const curl = `curl --silent --output /dev/null --max-time 5 --write-out "${figures}" "$0"`;
    // Not without a pause: the machine has other things to do as well.
    const loop = `while :; do ${curl}; sleep 0.04; done`;
    const loops = urls.map((url) => cluster.network.start('client', ['sh', '-c', loop, url]));
    const began = performance.now();
    try {
      const annotations = { restarted: 'once' };
      const template = { metadata: { annotations } };
      await cluster.api.patch({ kind: 'Deployment', name: 'ingress' }, { spec: { template } });
      await untilReady(cluster.api, 'ingress');
      await until(
        () => 'the old Pods are gone',
        followedMilliseconds,
        async () => {
          const pods = await cluster.api.list('Pod', 'default');
          return !pods.some(({ metadata }) => before.includes(`default/${metadata.name}`));
        },
      );
    } finally {
      await Promise.all(loops.map((each) => each.stop('SIGKILL')));
    }
    const statuses = loops.flatMap(({ lines }) => lines);
    const failed = statuses.filter((status) => !status.startsWith('200 '));
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(
      `reverse-proxy, rolled out: ${statuses.length} requests, ${failed.length} failed, ${seconds} s`,
    );
    expect(statuses.length).toBeGreaterThan(50);
    expect(failed).toEqual([]);
  });

  it('logs addresses of nodes with policy Cluster, and those of clients again with Local', async () => {
    const policy = (externalTrafficPolicy: string) =>
      cluster.api.patch(ingress, { spec: { externalTrafficPolicy } });
    const untilLogged = (own: boolean) =>
      Promise.all(
        families.map((family) => {
          const clients = new Set(numbers.map((number) => clientAddressNumber(number, family)));
          let last: readonly string[] = [];
          const what = () =>
            `${family} ${own ? 'clients' : 'nodes'} are logged: ${[...new Set(last)].join()}`;
          return until(what, followedMilliseconds, async () => {
            last = await loggedFor(family);
            return last.every((address) => clients.has(address) === own);
          });
        }),
      );
    await policy('Cluster');
    await untilServing(3);
    await untilLogged(false);
    await policy('Local');
    await untilServing(2);
    await untilLogged(true);
  });
}

interface Response {
  /** 0: none. */
  readonly status: number;
  readonly body: string;
}
