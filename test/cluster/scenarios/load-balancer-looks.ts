// What is seen of a load balancer: by its probes, and by the servers behind it.
import { type Family, families } from '../../../src/model/address.ts';
import type { Cluster } from '../cluster.ts';
import { clientAddress, clientAddressNumber } from '../network/addresses.ts';
import type { NodeName } from '../nodes.ts';
import { until } from '../until.ts';
import { protocols } from './objects.ts';

/** The probes need two to three seconds. */
const probedMilliseconds = 20_000;

/** Until the probes for a Service find these nodes healthy and no others. @returns the seconds it took. */
export async function untilNodesHealthy(
  { cloud }: Cluster,
  service: string,
  nodes: readonly NodeName[],
): Promise<number> {
  const began = performance.now();
  const healthy = () => cloud.healthy('default', service).join();
  const what = () => `healthy are ${healthy()}, not ${nodes.join()}`;
  await until(what, probedMilliseconds, async () => healthy() === nodes.join());
  return (performance.now() - began) / 1000;
}

export async function healthCheckNodePort({ api }: Cluster, service: string): Promise<number> {
  const { spec } = await api.get({ kind: 'Service', name: service });
  return Number(JSON.stringify(spec).match(/"healthCheckNodePort":(\d+)/)?.[1]);
}

/** Until a health-check node port answers so; status 0: nobody listens. */
export async function untilProbe(
  cluster: Cluster,
  node: NodeName,
  port: number,
  status: number,
): Promise<void> {
  let last: number | undefined;
  const what = () => `status ${status} at the health-check node port ${port}, not ${last}`;
  await until(what, probedMilliseconds, async () => {
    last = await probe(cluster, node, port);
    return last === status;
  });
}

async function probe({ network }: Cluster, node: NodeName, port: number): Promise<number> {
  const url = `http://${network.address(node, 'IPv4')}:${port}/healthz`;
  const argv = ['curl', '--silent', '--output', '/dev/null', '--write-out', '%{http_code}', url] as const;
  const { stdout } = await network.exec('cloud')({ argv, timeoutMilliseconds: 10_000 });
  return Number(stdout);
}

/** Until servers behind port 80 see the client's own address and no other, or not at all; in both families and protocols. */
export async function untilClientsSeen(
  cluster: Cluster,
  balancer: Readonly<Record<Family, string>>,
  seen: boolean,
): Promise<void> {
  const waits = families.flatMap((family) =>
    protocols.map((protocol) => {
      let last: ReadonlySet<string> = new Set();
      const what = () => `${family} ${protocol} clients: ${[...last].join()}`;
      return until(what, probedMilliseconds, async () => {
        const target = { to: balancer[family], port: 80, protocol, count: 24 };
        const dials = await cluster.network.dial('client', target);
        last = new Set(dials.map((dial) => (dial.outcome === 'answered' ? dial.source : dial.outcome)));
        const own = last.has(clientAddress[family]);
        return (
          dials.every(({ outcome }) => outcome === 'answered') && own === seen && (!seen || last.size === 1)
        );
      });
    }),
  );
  await Promise.all(waits);
}

/** Until this becomes of whoever connects from another address of the client's network; in both families and protocols. */
export async function untilStrangers(
  cluster: Cluster,
  balancer: Readonly<Record<Family, string>>,
  outcome: string,
): Promise<void> {
  const waits = families.flatMap((family) =>
    protocols.map((protocol) => {
      const sources = [clientAddressNumber(77, family)];
      const target = {
        to: balancer[family],
        port: 80,
        protocol,
        sources,
        count: 4,
        timeoutMilliseconds: 1500,
      };
      let last = '';
      return until(
        () => `${family} ${protocol}: ${outcome}, not ${last}`,
        probedMilliseconds,
        async () => {
          const dials = await cluster.network.dial('client', target);
          last = [...new Set(dials.map((dial) => dial.outcome))].join();
          return last === outcome;
        },
      );
    }),
  );
  await Promise.all(waits);
}
