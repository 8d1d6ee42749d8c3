import { afterEach, describe, expect, it } from 'vitest';
import { Bed, tell, until } from './bed.ts';
import { dual } from './objects.ts';

describe('ports of the agent that somebody else holds', () => {
  let bed: Bed;
  afterEach(async () => bed.close());

  it('does its work without them, tells it, and answers once they are free', async () => {
    bed = await Bed.open({ objects: dual({ name: 'web', vip: 1, pods: ['p1'] }) });
    const script = `for (const port of [10256, 10249]) require('net').createServer((socket) => socket.destroy()).listen(port, '0.0.0.0', () => console.log('held'))`;
    const holder = bed.world.start('node-a', [process.execPath, '-e', script]);
    await until(
      () => 'the ports held',
      10_000,
      async () => holder.lines.filter((line) => line === 'held').length === 2,
    );
    bed.agent.start();
    await bed.untilServed(1, ['p1']);
    for (const port of [10_249, 10_256]) {
      const told = bed.agent
        .entries('NP-SERVE-001')
        .filter((entry) => JSON.stringify(entry).includes(`:${port}`));
      expect(told).toHaveLength(1);
    }
    await bed.api.put(...dual({ name: 'web', vip: 1, pods: ['p2'] }));
    await bed.untilServed(1, ['p2']);
    await holder.stop('SIGKILL');
    const answered = await until(
      () => `/livez${bed.tail()}`,
      30_000,
      async () => (await bed.agent.health('/livez')).status === 200,
    );
    await until(
      () => `metrics${bed.tail()}`,
      30_000,
      async () => (await bed.agent.metric('nodeplane_listen_failures_total')) >= 2,
    );
    tell('ports freed', { answeredMs: Math.round(answered) });
  });
});
