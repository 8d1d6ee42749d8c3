import { afterEach, beforeEach, expect, it } from 'vitest';
import { render } from '../../src/agent/render.ts';
import { defaultConfig } from '../../src/config/defaults.ts';
import { silentLog } from '../../src/observe/log.ts';
import { createManifests, type Manifests } from '../cli/nodeplane.ts';
import { dual } from '../faults/objects.ts';
import { labelled } from './proxies.ts';

let manifests: Manifests;
beforeEach(async () => {
  manifests = await createManifests();
  await manifests.write('web.json', dual({ name: 'web', vip: 1, pods: ['p1'] }));
  await manifests.write('mesh.json', labelled(dual({ name: 'mesh', vip: 2, pods: ['p2'] })));
});
afterEach(() => manifests.remove());

/** Names of Services and prefixes of chains in the rule text of both families. */
async function rendered(serviceProxyName: string | undefined) {
  const routing = { ...defaultConfig.routing, besideKubeProxy: serviceProxyName !== undefined };
  const families = await render(
    {
      config: { ...defaultConfig, nodeName: 'node-a', serviceProxyName, routing },
      families: undefined,
      source: { kind: 'manifests', directory: manifests.directory },
    },
    { log: silentLog, signal: new AbortController().signal, onFindings: () => undefined },
  );
  const text = families.flatMap(({ lines }) => lines).join('\n');
  const found = (pattern: RegExp) => [...new Set(text.match(pattern))].sort();
  return {
    services: found(/default\/\w+/g),
    // KUBE-FIREWALL is kubelet's.
    chains: found(/(?<=^:|-j )[A-Z]+(?=-)(?!-FIREWALL)/gm),
  };
}

it('the same manifests give each proxy the rules of its own Services, in chains of its own', async () => {
  expect(await rendered(undefined)).toEqual({ services: ['default/web'], chains: ['KUBE'] });
  expect(await rendered('mesh')).toEqual({ services: ['default/mesh'], chains: ['NPLN'] });
  expect(await rendered('other')).toEqual({ services: [], chains: ['NPLN'] });
});
