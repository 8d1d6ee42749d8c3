import { describe, expect, it } from 'vitest';
import { snapshotHeard, syncEnded } from '../../test/observe/happenings.ts';
import type { SourceEvent } from '../cluster/source-event.ts';
import { NodeplaneError } from '../errors.ts';
import type { Finding } from '../model/finding.ts';
import type { Happening } from './happening.ts';
import { createLog } from './log.ts';
import { createNarrator } from './narrate.ts';

/** What was logged since the last look: `level message`, or whole entries. */
function narrator(level: 'info' | 'debug' = 'info') {
  const clock = { now: 0 };
  const written: string[] = [];
  const write = (text: string): void => {
    written.push(text);
  };
  const observe = createNarrator(createLog({ level, format: 'json', colour: false, write }), () => clock.now);
  const entries = (): readonly Readonly<Record<string, unknown>>[] =>
    written.splice(0).map((line) => {
      const entry: Record<string, unknown> = JSON.parse(line);
      const { time: _, ...rest } = entry;
      return rest;
    });
  return {
    clock,
    tell: (...happenings: readonly Happening[]): void => {
      for (const happening of happenings) observe(happening);
    },
    entries,
    lines: () => entries().map(({ level: name, msg }) => `${String(name)} ${String(msg)}`),
  };
}

const wrote = { cost: { steps: 3, lines: 20, bytes: 900 } };
const lockHeld = new NodeplaneError('NP-KERNEL-003', { seconds: 5 });

describe('a steady state', () => {
  it('is silent for a year', () => {
    const { clock, tell, lines } = narrator();
    tell({
      kind: 'source',
      event: { kind: 'listed', resource: 'Service', how: 'list', objects: 3, milliseconds: 4.4 },
    });
    expect(lines()).toEqual(['info heard all objects']);
    for (let day = 0; day < 365; day++) {
      clock.now += 86_400_000;
      tell(
        { kind: 'source', event: { kind: 'heard', resource: 'Service' } },
        { kind: 'source', event: { kind: 'resumed', resource: 'Service' } },
        { kind: 'sync-queued', family: 'IPv4' },
        syncEnded(),
        { kind: 'program-ended', program: 'iptables-save', milliseconds: 12, ok: true },
        { kind: 'probe-answered', probe: 'livez', status: 200 },
        { kind: 'flows-removed', family: 'IPv4', entries: 0, milliseconds: 2 },
        { kind: 'findings-stand', findings: [] },
        snapshotHeard(0, 1),
      );
    }
    expect(lines()).toEqual([]);
  });
});

describe('syncs', () => {
  it('that wrote something are one line', () => {
    const { tell, entries } = narrator();
    tell(syncEnded({ ...wrote, full: false, milliseconds: 12.7 }), syncEnded());
    const line = {
      family: 'IPv4',
      servicePorts: 3,
      steps: 3,
      lines: 20,
      bytes: 900,
      milliseconds: 13,
      full: false,
    };
    expect(entries()).toEqual([{ level: 'info', msg: 'synced', ...line }]);
    tell(syncEnded({ ...wrote, quarantined: ['a/b:c/tcp'] }));
    expect(entries()).toMatchObject([{ quarantined: 1 }]);
  });

  it('that fail are told whole once, then rarely with their number, and their end', () => {
    const { clock, tell, entries } = narrator();
    tell(syncEnded({ error: lockHeld }));
    expect(entries()).toMatchObject([
      { level: 'error', code: 'NP-KERNEL-003', family: 'IPv4', err: { stack: expect.any(String) } },
    ]);
    for (let second = 1; second <= 900; second++) {
      clock.now = second * 1000;
      tell(syncEnded({ error: lockHeld }));
    }
    const repeated = entries();
    expect(repeated.map(({ failures }) => failures)).toEqual([301, 601, 901]);
    expect(repeated[0]).toMatchObject({ level: 'error', seconds: 300 });
    expect(repeated.some((entry) => 'err' in entry)).toBe(false);
    tell(syncEnded());
    expect(entries()).toMatchObject([
      { level: 'info', msg: 'the sync succeeds again', failures: 901, seconds: 900 },
    ]);
  });

  it('that fail with another message each time are not told for ever', () => {
    const { clock, tell, lines } = narrator();
    for (let second = 0; second < 600; second++) {
      clock.now = second * 1000;
      tell(
        syncEnded({ error: new NodeplaneError('NP-KERNEL-007', { program: 'x', reason: String(second) }) }),
      );
    }
    expect(lines().length).toBeLessThanOrEqual(7);
  });

  it('that fail every second time are not told for ever', () => {
    const { clock, tell, lines } = narrator();
    for (let second = 0; second < 600; second++) {
      clock.now = second * 1000;
      tell(syncEnded(second % 2 === 0 ? { error: lockHeld } : {}));
    }
    expect(lines().length).toBeLessThanOrEqual(16);
  });

  it('of two families are told apart', () => {
    const { tell, entries } = narrator();
    tell(syncEnded({ error: lockHeld }), syncEnded({ family: 'IPv6', error: lockHeld }));
    expect(entries().map(({ family }) => family)).toEqual(['IPv4', 'IPv6']);
  });
});

describe('findings', () => {
  const finding = (name: string, reason = 'is wrong'): Finding => ({
    code: 'NP-OBJECT-001',
    object: `Service default/${name}`,
    field: 'spec',
    reason,
    uid: 'u',
  });
  const stand = (...findings: readonly Finding[]): Happening => ({ kind: 'findings-stand', findings });

  it('are told when they come, when they change, and when they go', () => {
    const { tell, entries } = narrator();
    tell(stand(finding('a'), finding('b')), stand(finding('a'), finding('b')));
    expect(entries()).toMatchObject([
      {
        level: 'warn',
        code: 'NP-OBJECT-001',
        object: 'Service default/a',
        field: 'spec',
        reason: 'is wrong',
      },
      { object: 'Service default/b' },
    ]);
    tell(stand(finding('a', 'is still wrong'), finding('b')));
    expect(entries()).toMatchObject([{ object: 'Service default/a', reason: 'is still wrong' }]);
    tell(stand(finding('b')));
    expect(entries()).toEqual([
      {
        level: 'info',
        code: 'NP-OBJECT-001',
        object: 'Service default/a',
        field: 'spec',
        msg: 'an object is as it should be again, or gone',
      },
    ]);
  });

  it('in a flood are a number', () => {
    const { tell, lines, entries } = narrator();
    tell(stand(...Array.from({ length: 10_000 }, (_, index) => finding(`s${index}`))));
    expect(entries().slice(49)).toMatchObject([
      { object: 'Service default/s49' },
      { more: 9950, standing: 10_000 },
    ]);
    tell(stand());
    expect(lines()).toEqual(['warn more findings came or went than are told one by one']);
  });
});

describe('the source', () => {
  const source = (event: SourceEvent): Happening => ({ kind: 'source', event });
  const failed = (error: Error, unchanged = false): Happening =>
    source({ kind: 'failed', resource: 'Service', error, unchanged, retryMilliseconds: 800.5 });
  const refused = new NodeplaneError('NP-API-002', { server: 'https://10.0.0.1:6443', reason: 'refused' });

  it('is told to fail once, and to answer again', () => {
    const { tell, entries } = narrator();
    tell(failed(refused), failed(refused, true), failed(refused, true));
    expect(entries()).toMatchObject([
      { level: 'warn', resource: 'Service', retryMilliseconds: 801, err: { code: 'NP-API-002' } },
    ]);
    tell(source({ kind: 'heard', resource: 'Node' }), source({ kind: 'heard', resource: 'Service' }));
    expect(entries()).toMatchObject([{ level: 'info', msg: 'the API server answers again', failures: 3 }]);
    tell(source({ kind: 'heard', resource: 'Service' }));
    expect(entries()).toEqual([]);
  });

  it('that is away for all resources is told once, with all of them when it is back', () => {
    const { tell, entries, lines } = narrator();
    const kinds = ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const;
    for (const resource of kinds)
      tell(source({ kind: 'failed', resource, error: refused, unchanged: false, retryMilliseconds: 1 }));
    expect(lines()).toEqual(['warn the API server cannot be watched; trying again']);
    for (const resource of kinds) tell(source({ kind: 'resumed', resource }));
    expect(entries()).toMatchObject([{ level: 'info', resources: kinds, failures: 4 }]);
  });

  it('that fails for different reasons is told for each', () => {
    const { tell, entries } = narrator();
    const status = (verb: string, resource: string, reason: string) =>
      new NodeplaneError('NP-API-006', { server: 's', verb, resource, status: 503, reason });
    const fail = (resource: 'Service' | 'Node', error: Error): Happening =>
      source({ kind: 'failed', resource, error, unchanged: false, retryMilliseconds: 1 });
    tell(fail('Service', status('list', 'services', ': no leader')));
    tell(fail('Node', status('watch', 'nodes', ': no leader')));
    expect(entries()).toMatchObject([{ level: 'warn', resource: 'Service' }]);
    tell(fail('Node', status('watch', 'nodes', ': too many requests')));
    expect(entries()).toMatchObject([{ level: 'warn', resource: 'Node' }]);
    tell(source({ kind: 'heard', resource: 'Service' }));
    expect(entries()).toMatchObject([{ level: 'info', resources: ['Service'], failures: 1 }]);
    tell(source({ kind: 'heard', resource: 'Node' }));
    expect(entries()).toMatchObject([{ level: 'info', resources: ['Node'], failures: 1 }]);
  });

  it('that fails in two ways by turns does not fill the log', () => {
    const { clock, tell, lines } = narrator();
    const other = new NodeplaneError('NP-API-008', {
      server: 's',
      verb: 'watch',
      resource: 'services',
      seconds: 60,
    });
    for (let second = 0; second < 600; second++) {
      clock.now = second * 1000;
      tell(failed(second % 2 === 0 ? refused : other), source({ kind: 'resumed', resource: 'Service' }));
    }
    expect(lines().length).toBeLessThanOrEqual(3 * 7);
  });

  it('that must list all the time does not fill the log', () => {
    const { tell, lines } = narrator();
    for (let round = 0; round < 100; round++)
      tell(source({ kind: 'listed', resource: 'Node', how: 'list', objects: 1, milliseconds: 1 }));
    expect(lines()).toHaveLength(5);
  });

  it('goes on without a resource', () => {
    const { tell, entries } = narrator();
    tell(source({ kind: 'without', resource: 'ServiceCIDR', reason: 'not served' }));
    expect(entries()).toMatchObject([{ level: 'info', resource: 'ServiceCIDR', reason: 'not served' }]);
  });
});

describe('what happens at the edges', () => {
  it('is told when it matters', () => {
    const { tell, entries } = narrator();
    const chains = Array.from({ length: 30 }, (_, index) => `KUBE-SVC-${index}`);
    tell(
      { kind: 'flows-removed', family: 'IPv4', entries: 4, milliseconds: 2.2 },
      { kind: 'drift-found', family: 'IPv4', chains },
      { kind: 'config-refused', error: new NodeplaneError('NP-CONFIG-002', { file: 'f', problems: ' x' }) },
      { kind: 'listen-failed', server: 'health-check-node-port', service: 'a/b', error: new Error('in use') },
    );
    expect(entries()).toMatchObject([
      { level: 'info', msg: 'removed stale UDP flows', entries: 4, milliseconds: 2 },
      { level: 'warn', count: 30, chains: chains.slice(0, 10) },
      { level: 'error', err: { code: 'NP-CONFIG-002' } },
      { level: 'warn', server: 'health-check-node-port', service: 'a/b', err: { message: 'in use' } },
    ]);
  });

  it('is told rarely when it comes again and again', () => {
    const { tell, lines } = narrator();
    for (let round = 0; round < 100; round++)
      tell(
        { kind: 'drift-found', family: 'IPv4', chains: ['KUBE-SERVICES'] },
        { kind: 'listen-failed', server: 'metrics', service: undefined, error: new Error('in use') },
      );
    expect(lines()).toHaveLength(10);
  });

  it('is told in full at level debug', () => {
    const { tell, lines } = narrator('debug');
    tell(
      snapshotHeard(1, 2),
      syncEnded(),
      { kind: 'program-ended', program: 'conntrack', milliseconds: 3, ok: false },
      { kind: 'flows-removed', family: 'IPv6', entries: 0, milliseconds: 2 },
    );
    expect(lines()).toEqual([
      'debug the cluster changed',
      'debug synced, and there was nothing to write',
      'debug a program ended',
      'debug there were no stale UDP flows',
    ]);
  });
});
