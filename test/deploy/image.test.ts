import { describe, expect, it } from 'vitest';
import { read } from './manifests.ts';

const dockerfile = read('Dockerfile');
const collect = read('deploy/image/collect.sh');
const { version }: { version: string } = JSON.parse(read('package.json'));

describe('the image', () => {
  it('has the version of the package', () => {
    expect(dockerfile).toContain(`org.opencontainers.image.version="${version}"`);
    expect(dockerfile).toContain(`--tag nodeplane:${version} .`);
  });

  it('comes from one base, an LTS line of Node, by its digest', () => {
    const bases = Array.from(dockerfile.matchAll(/^FROM (\S+)/gm), ([, base]) => base);
    const node = expect.stringMatching(/^\$\{NODE_IMAGE\}$/);
    expect(bases).toEqual([node, node, 'scratch']);
    const [, major] =
      /^ARG NODE_IMAGE=\S+\/node:(\d+)\.\d+\.\d+-\S+@sha256:[0-9a-f]{64}$/m.exec(dockerfile) ?? [];
    expect(Number(major) % 2).toBe(0);
  });

  it('names the version of every Debian package', () => {
    const [, named = ''] = /--no-install-recommends \\\n([^&]*?)\n/.exec(dockerfile) ?? [];
    const packages = named.trim().split(/\s+/);
    expect(packages.length).toBeGreaterThan(3);
    for (const each of packages) expect(each).toMatch(/^[a-z0-9-]+=\d\S*$/);
  });

  it('has what the agent runs', () => {
    const sources = ['conntrack', 'interfaces', 'local-networks', 'nfacct', 'iptables-programs'];
    const texts = [...sources.map((name) => `src/kernel/${name}.ts`), 'src/agent/drift/monitor.ts'].map(read);
    const programs = ['conntrack', 'ip', 'nfacct', 'setpriv', 'stdbuf', 'xtables-nft-multi'];
    for (const program of programs) {
      expect(texts.join('\n')).toContain(`'${program}'`);
      expect(collect).toMatch(new RegExp(`/usr/s?bin/${program}\\b`));
    }
    expect(collect).toContain('/usr/sbin/xtables-legacy-multi');
  });
});
