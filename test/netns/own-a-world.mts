// Owns a world until it is killed: for the test that nothing of a world outlives its owner.
import { createWorld } from './world.ts';

const world = await createWorld();
await world.listen('p1', { ports: [80] });
console.log('ready');
setInterval(() => undefined, 60_000);
