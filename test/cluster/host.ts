import type { Family } from '../../src/model/address.ts';
import type { Program } from '../netns/program.ts';
import type { World } from '../netns/world.ts';

/** A network namespace where a control plane can run. */
export interface Host {
  /** Runs a program there until it is stopped. */
  start(argv: readonly [string, ...string[]]): Program;
  /** Where others reach it. */
  address(family: Family): string;
  /** Where a file that programs there see under /run is found from outside. It goes when the namespace goes. */
  path(inside: string): string;
}

/** What has places that programs run in: a small world, or the network of a cluster. */
export type Places = Pick<World, 'start' | 'address' | 'path'>;

export function hostOf(world: Places, place: string): Host {
  return {
    start: (argv) => world.start(place, argv),
    address: (family) => world.address(place, family),
    path: (inside) => world.path(inside),
  };
}
