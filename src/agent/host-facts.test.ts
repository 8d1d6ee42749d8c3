import { describe, expect, it } from 'vitest';
import { defaultRoutingSettings } from '../routing/settings.ts';
import { holdFacts } from './host-facts.ts';

function held() {
  const host = { addresses: ['192.0.2.1'], settings: defaultRoutingSettings, reads: 0 };
  const facts = holdFacts(
    () => host.settings,
    async (settings) => {
      host.reads += 1;
      const addresses = settings.nodePortAddresses.kind === 'all' ? [] : host.addresses;
      return { addresses, conntrackTcpBeLiberal: false };
    },
  );
  return { host, facts };
}

describe('facts that are held', () => {
  it('are read once, and again when that is asked for', async () => {
    const { host, facts } = held();
    host.settings = { ...defaultRoutingSettings, nodePortAddresses: { kind: 'primary' } };
    expect(await facts.current()).toBe(await facts.current());
    expect(host.reads).toBe(1);
    expect(await facts.refresh()).toBe(false);
    host.addresses = ['192.0.2.2'];
    expect((await facts.current()).addresses).toEqual(['192.0.2.1']);
    expect(await facts.refresh()).toBe(true);
    expect((await facts.current()).addresses).toEqual(['192.0.2.2']);
  });

  it('are never those of other settings, which may have asked for less', async () => {
    const { host, facts } = held();
    expect((await facts.current()).addresses).toEqual([]);
    host.settings = { ...defaultRoutingSettings, nodePortAddresses: { kind: 'primary' } };
    expect((await facts.current()).addresses).toEqual(['192.0.2.1']);
  });
});
