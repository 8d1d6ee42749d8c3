import { beforeAll, describe } from 'vitest';
import { affinity } from './affinity.ts';
import { type Bed, makeBed } from './bed.ts';
import { describeCluster } from './describe-cluster.ts';
import { manyServices } from './many-services.ts';
import { serviceNetwork } from './service-network.ts';
import { udpReplaced } from './udp-replaced.ts';

/** One cluster for all of them, since its start takes longer than most. */
describeCluster('flows that last, and many Services', (theCluster) => {
  let bed: Bed | undefined;
  const theBed = (): Bed => {
    if (bed === undefined) throw new Error('the bed is there when tests run');
    return bed;
  };
  beforeAll(async () => {
    bed = await makeBed(theCluster());
  });
  describe('session affinity', () => affinity(theBed));
  describe('a UDP server that is replaced', () => udpReplaced(theBed));
  describe('many Services', () => manyServices(theBed));
  describe('one more network for Services', () => serviceNetwork(theBed));
});
