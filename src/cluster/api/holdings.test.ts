import { describe, expect, it } from 'vitest';
import { node, service } from '../../../test/conformance/objects.ts';
import { createHoldings, type Holdings } from './holdings.ts';

const type = { kind: 'Service', apiVersion: 'v1' } as const;

function web(name: string, clusterIP = '10.0.0.1') {
  return service({ name, clusterIPs: [clusterIP], ports: [{ port: 80 }] });
}

const broken = (name: string) => web(name, 'nonsense');

function told(changes: ReturnType<Holdings['put']>): readonly string[] {
  return changes.map(({ key, object }) => `${object === undefined ? '-' : '+'}${key}`);
}

function relist(holdings: Holdings, ...objects: readonly unknown[]): readonly string[] {
  const list = holdings.relist();
  for (const object of objects) list.put(object);
  return told(list.commit());
}

function findings(holdings: Holdings): readonly string[] {
  return [...new Set(holdings.findings().map(({ code, object }) => `${code} ${object}`))];
}

describe('createHoldings', () => {
  it('tells of objects that come, change and go', () => {
    const holdings = createHoldings(type);
    expect(told(holdings.put(web('a')))).toEqual(['+default/a']);
    expect(told(holdings.put(web('a', '10.0.0.2')))).toEqual(['+default/a']);
    expect(told(holdings.remove(web('a')))).toEqual(['-default/a']);
    expect(told(holdings.remove(web('a')))).toEqual([]);
  });

  it('takes those out that a new list lacks, and nothing before it is committed', () => {
    const holdings = createHoldings(type);
    expect(relist(holdings, web('a'), web('b'))).toEqual(['+default/a', '+default/b']);
    holdings.relist().put(web('c'));
    expect(relist(holdings, web('b'), web('c'))).toEqual(['+default/b', '+default/c', '-default/a']);
    expect(relist(holdings)).toEqual(['-default/b', '-default/c']);
  });

  it('supplies what items of a list lack', () => {
    const { spec, metadata } = web('a');
    expect(relist(createHoldings(type), { spec, metadata })).toEqual(['+default/a']);
  });

  it('keeps the last good state of a broken object, with a finding until it is mended or gone', () => {
    const holdings = createHoldings(type);
    relist(holdings, web('a'));
    expect(told(holdings.put(broken('a')))).toEqual([]);
    expect(findings(holdings)).toEqual(['NP-OBJECT-001 Service default/a']);
    expect(relist(holdings, broken('a'))).toEqual([]);
    expect(relist(holdings, broken('a'))).toEqual([]);
    expect(findings(holdings)).toEqual(['NP-OBJECT-001 Service default/a']);
    expect(told(holdings.put(web('a')))).toEqual(['+default/a']);
    expect(findings(holdings)).toEqual([]);
    holdings.put(broken('a'));
    expect(told(holdings.remove(broken('a')))).toEqual(['-default/a']);
    expect(findings(holdings)).toEqual([]);
    holdings.put(broken('b'));
    expect(relist(holdings)).toEqual([]);
    expect(findings(holdings)).toEqual([]);
  });

  it('takes a Service out that is none for us any more', () => {
    const holdings = createHoldings(type);
    holdings.put(web('a'));
    expect(told(holdings.put(web('a', 'None')))).toEqual(['-default/a']);
    expect(relist(holdings, web('a', 'None'))).toEqual(['-default/a']);
    expect(relist(holdings)).toEqual([]);
  });

  it('counts objects of versions that it does not know, and keeps their last good state', () => {
    const holdings = createHoldings(type);
    relist(holdings, web('a'), web('b'));
    const next = (name: string) => ({ ...web(name), apiVersion: 'v2' });
    expect(relist(holdings, next('a'), next('b'), next('c'))).toEqual([]);
    expect(holdings.findings()).toEqual([
      { code: 'NP-OBJECT-004', object: 'Service (v2)', field: '', reason: '3 objects are ignored' },
    ]);
    expect(told(holdings.remove(next('a')))).toEqual(['-default/a']);
    expect(relist(holdings, web('b'))).toEqual(['+default/b']);
    expect(findings(holdings)).toEqual([]);
  });

  it('takes what is not even an object, and objects without name', () => {
    const holdings = createHoldings(type);
    expect(relist(holdings, 1, null, [], {}, { metadata: { name: 7 } }, web('a'))).toEqual(['+default/a']);
    expect(findings(holdings).every((finding) => finding.startsWith('NP-OBJECT-001 Service'))).toBe(true);
    expect(findings(holdings).length).toBeGreaterThan(0);
    expect(relist(holdings, web('a'))).toEqual(['+default/a']);
    expect(findings(holdings)).toEqual([]);
  });

  it('knows objects without namespace', () => {
    const holdings = createHoldings({ kind: 'Node', apiVersion: 'v1' });
    expect(relist(holdings, node({ name: 'node-1', addresses: [] }))).toEqual(['+node-1']);
    expect(relist(holdings)).toEqual(['-node-1']);
  });
});
