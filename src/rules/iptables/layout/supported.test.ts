import { describe, expect, it } from 'vitest';
import {
  type Moment,
  momentOf,
  plainSetting,
  type Setting,
} from '../../../../test/conformance/arbitraries.ts';
import { type Json, service, slice } from '../../../../test/conformance/objects.ts';
import { finish } from '../../../agent/pace.ts';
import { entries } from '../../../model/immutable-map.ts';
import { usualFeatures } from '../features.ts';
import { nothingApplied } from '../plan/applied.ts';
import { planAll } from '../plan/delta.ts';
import { restoreLines } from '../plan/restore.ts';

const poor: Setting = { ...plainSetting, features: { ...usualFeatures, recent: false, sctp: false } };

function one(name: string, protocol: 'TCP' | 'SCTP', spec: Json = {}): readonly Json[] {
  const port = { port: 80, protocol };
  return [
    service({ name, clusterIPs: [`172.30.0.${name.length}`], ports: [port], spec }),
    slice({ of: name, ports: [{ ...port, port: 8080 }], endpoints: [{ address: '10.244.1.5' }] }),
  ];
}

const sticky = { sessionAffinity: 'ClientIP' };
const objects = [...one('web', 'TCP'), ...one('sticky', 'TCP', sticky), ...one('stream', 'SCTP')];

function linesOf({ layout }: Moment): readonly string[] {
  const plan = finish(planAll(nothingApplied, layout));
  return Array.from(restoreLines(plan.steps, 'one'), ({ text }) => text);
}

describe('a kernel without recent and sctp', () => {
  it('gets Services without affinity and no SCTP ports, and it is said of which', () => {
    const moment = momentOf(poor, objects);
    const lines = linesOf(moment);
    expect(lines.filter((line) => / -m recent |sctp|stream/.test(line))).toEqual([]);
    expect(lines.filter((line) => line.includes('default/sticky cluster IP')).length).toBeGreaterThan(0);
    expect(new Map(entries(moment.layout.lacks))).toEqual(
      new Map([
        ['default/sticky/tcp', 'recent'],
        ['default/stream/sctp', 'sctp'],
      ]),
    );
  });

  it('is laid out the same from what was before as from nothing', () => {
    const before = momentOf(poor, objects);
    const other = [...one('web', 'TCP', sticky), ...one('sticky', 'TCP'), ...one('streams', 'SCTP')];
    const after = momentOf(poor, other, before);
    expect(linesOf(after)).toEqual(linesOf(momentOf(poor, other)));
    expect(new Map(entries(after.layout.lacks))).toEqual(
      new Map([
        ['default/streams/sctp', 'sctp'],
        ['default/web/tcp', 'recent'],
      ]),
    );
  });

  it('gets everything once it can have it', () => {
    const before = momentOf(poor, objects);
    const after = momentOf(plainSetting, objects, before);
    expect(linesOf(after)).toEqual(linesOf(momentOf(plainSetting, objects)));
    expect(after.layout.lacks.size).toBe(0);
  });
});
