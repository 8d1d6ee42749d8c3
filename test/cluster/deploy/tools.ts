import type { CommandResult } from '../../../src/kernel/exec.ts';
import { binary } from '../binaries.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { ClusterNetwork } from '../network/network.ts';
import { administrator } from '../users.ts';

const toolMilliseconds = 90_000;

/** What administrators type, run where the API server is reached. */
export interface Tools {
  /** How it ended, whatever came of it. */
  run(tool: 'kubectl' | 'helm', args: readonly string[], stdin?: string): Promise<CommandResult>;
  /** What it prints. @throws Error with what it said when it failed. */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  helm(args: readonly string[]): Promise<string>;
}

export async function makeTools(network: ClusterNetwork, plane: ControlPlane): Promise<Tools> {
  const kubeconfig = await plane.kubeconfig(administrator);
  const programs = { kubectl: await binary('kubectl'), helm: await binary('helm') };
  const environment = ['HOME=/run/tools', 'HELM_NO_PLUGINS=1', `KUBECONFIG=${kubeconfig}`];
  const run: Tools['run'] = (tool, args, stdin) =>
    network.exec('control-plane')({
      argv: ['env', ...environment, programs[tool], ...args],
      ...(stdin === undefined ? {} : { stdin: [stdin] }),
      timeoutMilliseconds: toolMilliseconds,
    });
  const printed = async (
    tool: 'kubectl' | 'helm',
    args: readonly string[],
    stdin?: string,
  ): Promise<string> => {
    const { exitCode, stdout, stderr } = await run(tool, args, stdin);
    if (exitCode !== 0) throw new Error(`${tool} ${args.join(' ')}: ${exitCode}\n${stdout}${stderr}`);
    return stdout;
  };
  return {
    run,
    kubectl: (args, stdin) => printed('kubectl', args, stdin),
    helm: (args) => printed('helm', args),
  };
}
