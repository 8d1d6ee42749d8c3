import { describe, expect, it } from 'vitest';
import { NodeplaneError } from '../../errors.ts';
import { checkJson, printCheck } from './check.ts';
import { createPage } from './page.ts';

const page = createPage({ colour: false, columns: 80 });
const lock = new NodeplaneError('NP-KERNEL-003', { seconds: 5 });
const rights = new NodeplaneError('NP-CHECK-004', {
  account: 'jane',
  server: 'https://192.0.2.1',
  missing: 'list nodes',
  rules: '\n  - apiGroups: [""]\n    resources: [nodes]\n    verbs: [list]',
  subject: '--user=jane',
});
const findings = [
  { severity: 'warning', error: lock },
  { severity: 'error', error: rights },
] as const;

describe('findings of a check', () => {
  it('are told with their remedies, errors first; YAML stays as it is', () => {
    expect(printCheck(findings, page)).toBe(
      `error NP-CHECK-004: The account jane lacks permissions at the API server
  https://192.0.2.1: to list nodes. A ClusterRole that is bound to it needs
  these rules:
    - apiGroups: [""]
      resources: [nodes]
      verbs: [list]
  remedy: Bind the account to the ClusterRole that comes with nodeplane
  (deploy/), or to system:node-proxier: \`kubectl create clusterrolebinding
  nodeplane --clusterrole=system:node-proxier --user=jane\`.
warning NP-KERNEL-003: Another program held the xtables lock for longer than 5
  s.
  remedy: Find the holder with \`lslocks | grep xtables\`; nothing was changed,
  the next sync tries again.
`,
    );
  });

  it('have colours by how much they matter', () => {
    const text = printCheck(findings, createPage({ colour: true, columns: 80 }));
    expect(text).toContain('\u001b[31merror NP-CHECK-004:\u001b[39m');
    expect(text).toContain('\u001b[33mwarning NP-KERNEL-003:\u001b[39m');
  });

  it('are a list as JSON', () => {
    expect(checkJson(findings)).toMatchObject({
      findings: [
        { severity: 'error', code: 'NP-CHECK-004', message: rights.message, remedy: rights.remedy },
        { severity: 'warning', code: 'NP-KERNEL-003' },
      ],
    });
  });

  it('that are none say so', () => {
    expect(printCheck([], page)).toBe('nothing stands in the way\n');
  });
});
