import { families } from '../../../src/model/address.ts';
import type { Api } from '../api.ts';
import { type Backend, createMoving, sliceOf } from './moving.ts';

const services = 50;
const rounds = 20;
/** As many writers as there would be controllers' workers. */
const writers = 16;

const nameOf = (index: number): string => `burst-${index}`;

export async function createBurstServices(api: Api): Promise<void> {
  await each(services, async (index) => {
    await createMoving(api, nameOf(index));
    for (const family of families) await api.create(sliceOf(nameOf(index), family, []));
  });
}

/** Every slice of 50 Services of both families changes twenty times. @returns how many changes that were. */
export async function writeBurst(api: Api, backends: readonly Backend[]): Promise<number> {
  for (let round = 0; round < rounds; round++) {
    await each(services, async (index) => {
      const chosen = backends.filter((_, number) => (round + index) % 2 === number % 2);
      for (const family of families) await api.replace(sliceOf(nameOf(index), family, chosen));
    });
  }
  return services * rounds * families.length;
}

async function each(count: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: writers }, worker));
}
