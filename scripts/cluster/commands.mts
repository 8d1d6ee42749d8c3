// What the commands of the shell ask: `on`, `from`, `agent`, `watch-diff`. Each comes as a line with a JSON array of words, and is answered
// by a line: programs to run, a text, or what was wrong.
import { createServer, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import { bundle } from '../../test/cli/nodeplane.ts';
import { agentFlags } from '../../test/cluster/agent.ts';
import type { Cluster } from '../../test/cluster/cluster.ts';
import { allNodes, type NodeName, type NodePlan } from '../../test/cluster/nodes.ts';

interface NamedProgram {
  readonly name: string;
  readonly argv: readonly string[];
}

type Reply =
  | { readonly kind: 'run'; readonly argv: readonly string[] }
  | { readonly kind: 'watch'; readonly programs: readonly NamedProgram[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'wrong'; readonly text: string };

/** Somebody typed what cannot be done. */
class Wrong extends Error {}

export function serveCommands(cluster: Cluster, socketPath: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    createInterface({ input: socket }).on('line', (line) => {
      void answer(cluster, JSON.parse(line)).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => resolve(server));
  });
}

async function answer(cluster: Cluster, [verb, ...words]: readonly string[]): Promise<Reply> {
  try {
    const known = verbs[verb ?? ''];
    if (known === undefined) throw new Wrong(`no such command: ${verb}`);
    return await known(cluster, words);
  } catch (error) {
    return { kind: 'wrong', text: error instanceof Error ? error.message : String(error) };
  }
}

type Verb = (cluster: Cluster, words: readonly string[]) => Promise<Reply>;

const verbs: Readonly<Record<string, Verb>> = { on, from, agent, 'watch-diff': watchDiff };

async function on(cluster: Cluster, [name, ...words]: readonly string[]): Promise<Reply> {
  const usage = 'on NODE COMMAND…, such as: on node-1 nodeplane diff';
  const plan = planOf(name, usage);
  const [program, ...args] = words;
  if (program === undefined) throw new Wrong(usage);
  if (program !== 'nodeplane') return { kind: 'run', argv: [...cluster.network.enter(plan.name), ...words] };
  return { kind: 'run', argv: await nodeplaneOn(cluster, plan, args) };
}

async function from({ network }: Cluster, [place, ...words]: readonly string[]): Promise<Reply> {
  if (place === undefined || words.length === 0)
    throw new Wrong(
      'from PLACE COMMAND…, such as: from client curl 198.51.100.1, or from default/POD curl 172.30.0.80',
    );
  return { kind: 'run', argv: [...network.enter(place), ...words] };
}

async function agent({ agents }: Cluster, [what, name]: readonly string[]): Promise<Reply> {
  const usage = 'agent pause|resume|stop|start|log NODE';
  const { name: node } = planOf(name, usage);
  const process = agents.get(node)?.process;
  if (process === undefined) throw new Wrong(`${node} has no agent`);
  if (what === 'pause') await process.pause();
  else if (what === 'resume') await process.resume();
  else if (what === 'stop') await process.stop();
  else if (what === 'start') process.start();
  else if (what === 'log') return { kind: 'text', text: process.lines.slice(-50).join('\n') };
  else throw new Wrong(usage);
  return { kind: 'text', text: '' };
}

async function watchDiff(cluster: Cluster, names: readonly string[]): Promise<Reply> {
  const plans = names.length === 0 ? allNodes : names.map((name) => planOf(name, 'watch-diff [NODE…]'));
  const programs = plans.map(async (plan) => ({
    name: plan.name,
    argv: await nodeplaneOn(cluster, plan, ['diff']),
  }));
  return { kind: 'watch', programs: await Promise.all(programs) };
}

const kubeconfigs = new Map<NodeName, Promise<string>>();
const verbsWithCluster = new Set(['run', 'apply', 'diff', 'render', 'check']);

/** The bundle on a node, with the flags of the node's agent. */
async function nodeplaneOn(
  { network, plane }: Cluster,
  { name, variant }: NodePlan,
  [verb = '--help', ...args]: readonly string[],
): Promise<readonly string[]> {
  const words = [...network.enter(name), process.execPath, bundle, verb];
  if (!verbsWithCluster.has(verb) || args.includes('--help')) return [...words, ...args];
  const kubeconfig = kubeconfigs.get(name) ?? plane.agentKubeconfig(name);
  kubeconfigs.set(name, kubeconfig);
  return [
    ...words,
    '--kubeconfig',
    await kubeconfig,
    ...agentFlags(name),
    '--iptables-variant',
    variant,
    ...args,
  ];
}

function planOf(name: string | undefined, usage: string): NodePlan {
  const plan = allNodes.find((each) => each.name === name);
  if (plan === undefined) throw new Wrong(`${name === undefined ? '' : `no such node: ${name}\n`}${usage}`);
  return plan;
}
