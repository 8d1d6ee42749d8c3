// The demo behind `npm run demo`: a small cluster of network namespaces, the web shop of examples/, and real connections.
// All it makes lives in one world of namespaces and is gone when this process is, whatever ends it.
import { canMakeWorlds } from '../test/netns/can-make-worlds.ts';
import { apply, cleanUp, introduce, showDiff } from './demo/rules.mts';
import { scale } from './demo/scaling.mts';
import { allIsMet, farewell, print } from './demo/screen.mts';
import { Stage } from './demo/stage.mts';
import { balance, guard, insideTheCluster, keepSource, refuse, stick } from './demo/traffic.mts';

process.exitCode = await main();

async function main(): Promise<number> {
  const possible = await canMakeWorlds();
  if (!possible.ok) {
    print(`The demo needs network namespaces and the tools to fill them: ${possible.reason}`);
    print(
      'Run it as root, or allow unprivileged user namespaces; "npm run setup" says what is not installed.',
    );
    return 1;
  }
  const began = performance.now();
  const stage = await Stage.build();
  closeOnInterrupt(stage);
  try {
    introduce(stage, (performance.now() - began) / 1000);
    await play(stage);
    farewell((performance.now() - began) / 1000);
    return allIsMet() ? 0 : 1;
  } finally {
    await stage.close();
  }
}

async function play(stage: Stage): Promise<void> {
  const before = await stage.rules();
  const steps = [showDiff, apply, balance, insideTheCluster, stick, keepSource, guard, refuse, scale];
  for (const step of steps) {
    // What comes after a failure would fail as well, and slowly.
    if (allIsMet()) await step(stage, before);
  }
  await cleanUp(stage, before);
}

function closeOnInterrupt(stage: Stage): void {
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.once(signal, () => {
      print(`\n${signal}: the demo ends, and its cluster with it`);
      void stage.close().then(() => process.exit(128 + number));
    });
  }
}
