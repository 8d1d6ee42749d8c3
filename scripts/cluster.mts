// The runner behind `npm run cluster`: a whole cluster on this machine, and a shell to play with it.
//   npm run cluster [-- --command 'kubectl get nodes']
// All it makes lives in network namespaces and in files of theirs; it is gone when this process is, whatever ends it.
import { parseArgs } from 'node:util';
import { binary } from '../test/cluster/binaries.ts';
import { type Cluster, startCluster } from '../test/cluster/cluster.ts';
import { http } from '../test/cluster/images/http.ts';
import { interruptTools } from '../test/cluster/tool.ts';
import { deployDemo } from './cluster/demo.mts';
import { help } from './cluster/help.mts';
import { runShell } from './cluster/shell.mts';
import { startTelling } from './cluster/telling.mts';
import { whyNoKernel } from './kernel-probe.mts';
import { bin, runCommand, runToEnd } from './step.mts';

const binaries = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;

const usage = `Usage: npm run cluster [-- --command COMMAND]

Starts a cluster with a real control plane and opens a shell in which kubectl reaches it.

  --command COMMAND  run this in the shell, print what it prints, and exit with its code
  --no-build         take dist/nodeplane.mjs as it is`;

await runToEnd(() => main(process.argv.slice(2)), 5);

async function main(args: string[]): Promise<number> {
  const asked = parse(args);
  if (typeof asked === 'number') return asked;
  const reason = await whyNoKernel();
  if (reason !== undefined) {
    console.error(`A cluster needs network namespaces and the tools to fill them: ${reason}`);
    return 1;
  }
  if (asked.build && !(await build())) return 1;
  const cluster = await start();
  try {
    if (asked.command === undefined) console.error(`\n${help}`);
    return await runShell(cluster, asked.command);
  } finally {
    if (asked.command === undefined) console.error('the cluster is taken down');
    await cluster.close();
  }
}

async function build(): Promise<boolean> {
  const { ok, output } = await runCommand({ argv: [bin('tsx'), 'scripts/build.mts'] });
  if (!ok) console.error(output);
  return ok;
}

interface Asked {
  readonly command: string | undefined;
  readonly build: boolean;
}

/** What was asked, or an exit code when there is nothing to do. */
function parse(args: string[]): Asked | number {
  try {
    const { values } = parseArgs({
      args,
      options: {
        command: { type: 'string' },
        'no-build': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (!values.help) return { command: values.command, build: values['no-build'] !== true };
    console.log(usage);
    return 0;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
}

/** @throws Error when it does not start; nothing is left then. */
async function start(): Promise<Cluster> {
  await buildWhatIsMissing();
  const telling = startTelling((line) => console.error(line));
  const goOn = endWhenInterrupted();
  try {
    telling.now('starting etcd, kube-apiserver, kube-controller-manager, and three nodes with nodeplane');
    const cluster = await startCluster({ images: { http } });
    telling.now('deploying the web server that you can play with');
    await deployDemo(cluster).catch(async (error: unknown) => {
      await cluster.close();
      throw error;
    });
    telling.done('the cluster is there');
    return cluster;
  } finally {
    goOn();
    telling.stop();
  }
}

/** Minutes on a new machine, in which an interrupt ends the build and then this process. */
async function buildWhatIsMissing(): Promise<void> {
  let interrupted: number | undefined;
  const goOn = onInterrupts((number) => {
    interrupted = number;
    interruptTools();
  });
  try {
    for (const name of binaries) {
      await binary(name, (line) => console.error(line));
      if (interrupted !== undefined) break;
    }
  } catch (error) {
    if (interrupted === undefined) throw error;
  } finally {
    goOn();
  }
  if (interrupted !== undefined) process.exit(128 + interrupted);
}

/** Half a cluster is of no use: it goes with this process, which ends at once. Returns what takes that back. */
function endWhenInterrupted(): () => void {
  return onInterrupts((number) => process.exit(128 + number));
}

/** @returns what takes it back. */
function onInterrupts(act: (number: number) => void): () => void {
  const heard = (_: NodeJS.Signals, number: number): void => act(number);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, heard);
  return () => {
    for (const signal of signals) process.off(signal, heard);
  };
}
