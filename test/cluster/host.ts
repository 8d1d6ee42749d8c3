import type { Family } from '../../src/model/address.ts';
import type { Program } from '../netns/program.ts';
import type { Place, World } from '../netns/world.ts';

/** A network namespace where a control plane can run. */
export interface Host {
  /** Runs a program there until it is stopped. */
  start(argv: readonly [string, ...string[]]): Program;
  /** Where others reach it. */
  address(family: Family): string;
  /** Where a file that programs there see under /run is found from outside. It goes when the namespace goes. */
  path(inside: string): string;
}

/** A place of a world. */
export function hostOf(world: World, place: Place): Host {
  return {
    start: (argv) => world.start(place, argv),
    address: (family) => world.address(place, family),
    path: (inside) => world.path(inside),
  };
}
