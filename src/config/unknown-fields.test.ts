import { describe, expect, it } from 'vitest';
import { readConfigurationFile } from './file.ts';
import { idleFields } from './requests.ts';

const header = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

describe('fields that do not exist', () => {
  it('are all told at once, each with its place', () => {
    const text = `${header}modes: iptables\nconntrack:\n  maxPerCores: 1\n  mins: 2\nnever: {a: {b: 1}}\n`;
    expect(readConfigurationFile(text).faults).toEqual([
      '3:1: modes: there is no such field (did you mean mode?)',
      '5:3: conntrack.maxPerCores: there is no such field (did you mean maxPerCore?)',
      '6:3: conntrack.mins: there is no such field (did you mean min?)',
      '7:1: never: there is no such field',
    ]);
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', '"conntrack.min"', '""'])(
    'may be called %s',
    (name) => {
      const { faults } = readConfigurationFile(`${header}${name}: 1\n`);
      expect(faults).toEqual([expect.stringContaining('there is no such field')]);
    },
  );
});

describe('fields that kube-proxy had once', () => {
  // The ConfigMap of EKS holds the first to this day, and kube-proxy passes over them with a line in its log.
  it.each([
    ['udpIdleTimeout: 250ms', []],
    ['udpIdleTimeout: 1s', ['udpIdleTimeout']],
    ['resourceContainer: /kube-proxy', []],
    ['conntrack: {max: 0}', []],
    ['conntrack: {max: 7}', ['conntrack.max']],
  ])('are no mistake: %s', (line, idle) => {
    const { faults, values } = readConfigurationFile(`${header}${line}\n`);
    expect(faults).toEqual([]);
    expect(idleFields('KubeProxyConfiguration', values.KubeProxyConfiguration)).toEqual(idle);
  });
});
