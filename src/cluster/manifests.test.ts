import { mkdir, mkdtemp, open, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../model/finding.ts';
import { get, sortedKeys } from '../model/immutable-map.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { createManifestsSource, type ManifestsTimes } from './manifests.ts';
import type { Source } from './source.ts';

let directory = '';
let source: Source | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nodeplane-manifests-'));
});

afterEach(async () => {
  await source?.stop();
  source = undefined;
  await rm(directory, { recursive: true });
});

const node = 'apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n';

function service(name: string, port = 80, clusterIP = '10.0.0.1'): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {clusterIP: ${clusterIP}, ports: [{port: ${port}}]}\n`;
}

function slice(...addresses: readonly string[]): string {
  const labels = '{kubernetes.io/service-name: web}';
  const endpoints = addresses.map((address) => `- addresses: [${address}]\n`).join('');
  return `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: web-1\n  labels: ${labels}\naddressType: IPv4\nports: [{port: 8080}]\nendpoints:\n${endpoints}`;
}

async function write(name: string, text: string): Promise<void> {
  await writeFile(join(directory, name), text);
}

/** As careful writers do: the new file is there at once and whole. */
async function replace(name: string, text: string): Promise<void> {
  await write(`.${name}.tmp`, text);
  await rename(join(directory, `.${name}.tmp`), join(directory, name));
}

/** What a source has told so far. */
interface Heard {
  readonly snapshots: Snapshot[];
  findings: readonly Finding[];
}

async function start(
  watch = false,
  times: Partial<ManifestsTimes> = {},
  serviceProxyName?: string,
): Promise<Heard> {
  const heard: Heard = { snapshots: [], findings: [] };
  source = createManifestsSource({ directory, nodeName: 'node-1', serviceProxyName, watch, times });
  await source.start({
    snapshot: (snapshot) => heard.snapshots.push(snapshot),
    findings: (findings) => {
      heard.findings = findings;
    },
  });
  return heard;
}

function codes({ findings }: Heard): readonly string[] {
  return findings.map(({ code, object }) => `${code} ${object}`);
}

function services({ snapshots }: Heard): readonly string[] {
  const last = snapshots.at(-1);
  return last ? sortedKeys(last.services) : [];
}

/** The ports of the Service `web` in every snapshot so far, undefined where it is not. */
function portsOfWeb({ snapshots }: Heard): readonly (number | undefined)[] {
  return snapshots.map((snapshot) => get(snapshot.services, 'default/web')?.ports[0]?.port);
}

async function until(state: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!state()) {
    if (performance.now() > deadline) throw new Error(`did not come about: ${String(state)}`);
    await pause(5);
  }
}

describe('reading once', () => {
  it('tells one snapshot of all files, their links, and none of the others', async () => {
    await write('node.yml', node);
    await write('web.yaml', `${service('web')}---\n${slice('10.1.0.1', '10.1.0.2')}`);
    await write(
      'api.json',
      '{"kind":"Service","apiVersion":"v1","metadata":{"name":"api"},"spec":{"clusterIP":"10.0.0.2","ports":[{"port":80}]}}',
    );
    for (const name of ['.hidden.yaml', '#web.yaml#', 'web.yaml~', 'web.yaml.bak', 'README.md'])
      await write(name, 'a: [');
    await mkdir(join(directory, 'sub.yaml'));
    await writeFile(join(directory, 'sub.yaml', 'x.yaml'), service('sub'));
    await mkdir(join(directory, '..2026'));
    await writeFile(join(directory, '..2026', 'linked.yaml'), service('linked', 80, '10.0.0.3'));
    await symlink('..2026', join(directory, '..data'));
    await symlink(join('..data', 'linked.yaml'), join(directory, 'linked.yaml'));
    const heard = await start();
    expect(heard.snapshots).toHaveLength(1);
    expect(services(heard)).toEqual(['default/api', 'default/linked', 'default/web']);
    expect(heard.snapshots[0]?.node?.name).toBe('node-1');
    expect(codes(heard)).toEqual([]);
  });

  it('with a name of its own tells of the Services that carry it', async () => {
    const label = 'labels: { service.kubernetes.io/service-proxy-name: mesh }';
    await write('web.yaml', service('web'));
    await write('ours.yaml', service('ours').replace('metadata: {', `metadata: { ${label},`));
    expect(services(await start())).toEqual(['default/web']);
    expect(services(await start(false, {}, 'mesh'))).toEqual(['default/ours']);
  });

  it('tells of an empty directory, and that the Node is missing', async () => {
    const heard = await start();
    expect(heard.snapshots).toHaveLength(1);
    expect(codes(heard)).toEqual(['NP-OBJECT-005 Node node-1']);
  });

  it('has an error for a directory that is not there', async () => {
    await expect(
      createManifestsSource({ directory: join(directory, 'no'), nodeName: 'n', watch: true }).start({
        snapshot: () => undefined,
        findings: () => undefined,
      }),
    ).rejects.toMatchObject({
      code: 'NP-SOURCE-010',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('names everything that is wrong, sorted, and reads the rest', async () => {
    await write('a.yaml', `${service('web')}---\n${service('bad', 0)}`);
    await write('b.yaml', service('web', 81));
    await write('c.yaml', 'a: [');
    await symlink('nowhere', join(directory, 'd.yaml'));
    await write('e.yaml', `${service('clash')}---\napiVersion: v1\nkind: ConfigMap\n`);
    const big = await open(join(directory, 'f.yaml'), 'w');
    await big.truncate(65 * 1024 * 1024);
    await big.close();
    const heard = await start();
    expect(codes(heard)).toEqual([
      'NP-OBJECT-004 ConfigMap (v1)',
      'NP-SOURCE-001 File c.yaml:1:5',
      'NP-SOURCE-002 File d.yaml',
      'NP-SOURCE-002 File f.yaml',
      'NP-OBJECT-005 Node node-1',
      'NP-OBJECT-001 Service default/bad',
      'NP-SOURCE-003 Service default/web',
      'NP-OBJECT-003 Service default/web',
    ]);
    expect(portsOfWeb(heard)).toEqual([80]);
  });
});

describe('following', () => {
  it('hears of files that are created, written, replaced, renamed and removed', async () => {
    const heard = await start(true);
    await write('web.yaml', service('web', 80));
    await until(() => portsOfWeb(heard).at(-1) === 80);
    await write('web.yaml', service('web', 81));
    await until(() => portsOfWeb(heard).at(-1) === 81);
    await replace('web.yaml', service('web', 82));
    await until(() => portsOfWeb(heard).at(-1) === 82);
    await write('api.yaml', service('api', 90));
    await until(() => services(heard).length === 2);
    await rename(join(directory, 'web.yaml'), join(directory, 'web2.yaml'));
    await unlink(join(directory, 'api.yaml'));
    await until(() => services(heard).length === 1);
    expect(portsOfWeb(heard)).toEqual([undefined, 80, 81, 82, 82, 82]);
    expect(heard.findings.map(({ code }) => code)).toEqual(['NP-OBJECT-005']);
  });

  it('keeps what a broken file said, and goes on when it is mended', async () => {
    await write('web.yaml', service('web', 80));
    const heard = await start(true);
    await write('web.yaml', `${service('web', 81)}  x: [`);
    await until(() => codes(heard).some((code) => code.startsWith('NP-SOURCE-001 File web.yaml:5:')));
    await write('web.yaml', service('web', 82));
    await until(() => portsOfWeb(heard).at(-1) === 82 && heard.findings.length === 1);
    expect(portsOfWeb(heard)).toEqual([80, 82]);
  });

  it('is not emptied by a writer that truncates first, nor by an editor that moves the file away', async () => {
    await write('web.yaml', service('web', 80));
    const heard = await start(true, { settle: 20, grace: 5000 });
    await truncate(join(directory, 'web.yaml'));
    await write('probe.yaml', service('probe-1'));
    await until(() => services(heard).includes('default/probe-1'));
    await write('web.yaml', service('web', 81));
    await until(() => portsOfWeb(heard).at(-1) === 81);
    await rename(join(directory, 'web.yaml'), join(directory, 'web.yaml~'));
    await write('probe.yaml', service('probe-2'));
    await until(() => services(heard).includes('default/probe-2'));
    await write('web.yaml', service('web', 82));
    await until(() => portsOfWeb(heard).at(-1) === 82);
    expect(portsOfWeb(heard)).not.toContain(undefined);
  });

  it('lets the objects of a file go that stays empty', async () => {
    await write('web.yaml', service('web', 80));
    const heard = await start(true, { grace: 50 });
    await truncate(join(directory, 'web.yaml'));
    await until(() => services(heard).length === 0);
  });

  it('waits for a writer who writes in pieces', async () => {
    await write('web.yaml', `${service('web')}---\n${slice('10.1.0.1', '10.1.0.2', '10.1.0.3')}`);
    const heard = await start(true, { settle: 150, patience: 60_000 });
    const file = await open(join(directory, 'web.yaml'), 'r+');
    const text = `${service('web')}---\n${slice('10.1.0.4', '10.1.0.5', '10.1.0.6')}`;
    for (let end = 0; end < text.length; end += 40) {
      await file.write(text.slice(end, end + 40), end);
      await pause(20);
    }
    await file.close();
    const endpoints = () =>
      heard.snapshots.map((snapshot) =>
        get(snapshot.servicePorts, 'default/web/tcp')
          ?.endpoints.IPv4.map(({ address }) => address)
          .join(),
      );
    await until(() => endpoints().at(-1) === '10.1.0.4,10.1.0.5,10.1.0.6');
    expect(endpoints()).toEqual(['10.1.0.1,10.1.0.2,10.1.0.3', '10.1.0.4,10.1.0.5,10.1.0.6']);
  });

  it('follows the link that a mounted ConfigMap swaps', async () => {
    for (const [version, port] of [
      ['..1', 80],
      ['..2', 81],
    ] as const) {
      await mkdir(join(directory, version));
      await writeFile(join(directory, version, 'web.yaml'), service('web', port));
    }
    await symlink('..1', join(directory, '..data'));
    await symlink(join('..data', 'web.yaml'), join(directory, 'web.yaml'));
    const heard = await start(true);
    await symlink('..2', join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
    await until(() => portsOfWeb(heard).at(-1) === 81);
    expect(portsOfWeb(heard)).toEqual([80, 81]);
  });

  it('sees without being told, when the kernel is silent', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'nodeplane-outside-'));
    await writeFile(join(outside, 'web.yaml'), service('web', 80));
    await symlink(join(outside, 'web.yaml'), join(directory, 'web.yaml'));
    const heard = await start(true, { rescan: 50 });
    await writeFile(join(outside, 'web.yaml'), service('web', 81));
    await until(() => portsOfWeb(heard).at(-1) === 81);
    await rm(outside, { recursive: true });
    await until(() => codes(heard).includes('NP-SOURCE-002 File web.yaml'));
    expect(portsOfWeb(heard)).toEqual([80, 81]);
  });

  it('keeps everything while the directory is away, and follows the one that comes in its place', async () => {
    await write('web.yaml', service('web', 80));
    const heard = await start(true, { grace: 50 });
    await rename(directory, `${directory}-away`);
    await until(() => codes(heard).some((code) => code.startsWith('NP-SOURCE-002')));
    expect(services(heard)).toEqual(['default/web']);
    await mkdir(directory);
    await write('web.yaml', service('web', 80));
    await until(() => heard.findings.length === 1);
    await write('web.yaml', service('web', 81));
    await until(() => portsOfWeb(heard).at(-1) === 81);
    expect(portsOfWeb(heard)).toEqual([80, 81]);
    await rm(`${directory}-away`, { recursive: true });
  });

  it('tells nothing when nothing that matters changed', async () => {
    await write('web.yaml', service('web', 80));
    const heard = await start(true, { rescan: 20 });
    await replace('web.yaml', `# the same\n${service('web', 80)}`);
    await write('probe.yaml', service('probe', 90));
    await until(() => services(heard).includes('default/probe'));
    expect(heard.snapshots).toHaveLength(2);
  });

  it('is silent once it has stopped, and may be stopped twice', async () => {
    const heard = await start(true, { settle: 0, rescan: 1 });
    await write('web.yaml', service('web', 80));
    await source?.stop();
    const count = heard.snapshots.length;
    await write('web.yaml', service('web', 81));
    await pause(100);
    expect(heard.snapshots).toHaveLength(count);
    await source?.stop();
  });

  it('ends in the right state after a storm of writes', async () => {
    const heard = await start(true, { settle: 10, grace: 30 });
    for (let round = 1; round <= 60; round++) {
      const name = `${round % 3}.yaml`;
      if (round % 7 === 0) await rm(join(directory, name), { force: true });
      else await (round % 2 === 0 ? write : replace)(name, service(`s-${round % 5}`, round));
    }
    await replace('0.yaml', service('web', 1000));
    await replace('1.yaml', service('api', 1001));
    await rm(join(directory, '2.yaml'), { force: true });
    await until(
      () => services(heard).join() === 'default/api,default/web' && portsOfWeb(heard).at(-1) === 1000,
    );
  });
});
