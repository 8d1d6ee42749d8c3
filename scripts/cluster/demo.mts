// What is in the cluster at first: a web server on each node, and a Service of each kind that leads to it.
import type { Cluster } from '../../test/cluster/cluster.ts';
import { httpPort } from '../../test/cluster/images/http.ts';
import { until } from '../../test/cluster/until.ts';
import type { Json } from '../../test/conformance/objects.ts';

const readyMilliseconds = 60_000;
const app = 'web';

const deployment: Json = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: app, namespace: 'default' },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app } },
    template: {
      metadata: { labels: { app } },
      spec: {
        terminationGracePeriodSeconds: 10,
        containers: [
          {
            name: 'http',
            image: 'http',
            ports: [{ containerPort: httpPort }],
            lifecycle: { preStop: { sleep: { seconds: 2 } } },
          },
        ],
      },
    },
  },
};

/** Addresses that can be told beforehand are easier to type. */
const services: readonly Json[] = [
  service('web', { clusterIP: '172.30.0.80', clusterIPs: ['172.30.0.80', 'fd00:172:30::80'] }),
  service('web-node', { type: 'NodePort' }, 30080),
  service('web-public', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }),
];

/** Resolves when the servers answer at the address of the load balancer. */
export async function deployDemo(cluster: Cluster): Promise<void> {
  const { api, network } = cluster;
  for (const object of [...services, deployment]) await api.create(object);
  await until(
    () => `an answer from the load balancer\n${cluster.lastWords()}`,
    readyMilliseconds,
    async () => {
      const url = 'http://198.51.100.1/';
      const argv = ['curl', '--silent', '--fail', '--max-time', '1', url] as const;
      const asked = await network.exec('client')({ argv, timeoutMilliseconds: 5000 });
      return asked.exitCode === 0;
    },
  );
}

function service(name: string, spec: Json, nodePort?: number): Json {
  const port = { port: 80, targetPort: httpPort, ...(nodePort === undefined ? {} : { nodePort }) };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { selector: { app }, ipFamilyPolicy: 'RequireDualStack', ports: [port], ...spec },
  };
}
