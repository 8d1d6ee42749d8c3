import type { ApiClient } from '../../cluster/api/client.ts';
import { NodeplaneError } from '../../errors.ts';
import { exec } from '../../kernel/exec.ts';
import { supportedFamilies } from '../../kernel/families.ts';
import { isInstalled } from '../../kernel/program-path.ts';
import { createSysctls } from '../../kernel/sysctl.ts';
import { chainNames } from '../../rules/iptables/names.ts';
import { openSource } from '../open-source.ts';
import type { Context, NodeOptions, SourceOptions } from '../options.ts';
import { takeClaim } from './claim.ts';
import type { CheckFinding } from './finding.ts';
import { checkKernel } from './kernel.ts';
import { otherProxies, proxyError } from './other-proxies.ts';
import { checkPermissions, unasked } from './permissions.ts';

/** A source may be left out; without one nobody is asked whether we may read it. */
export type CheckOptions = NodeOptions & Partial<Pick<SourceOptions, 'source'>>;

/** What stands in the way of nodeplane on this node, all at once. Changes nothing. */
export async function check(options: CheckOptions, { signal }: Context): Promise<readonly CheckFinding[]> {
  const [proxies, node] = await Promise.all([checkProxies(options), checkNode(options, signal)]);
  return [...proxies, ...node];
}

async function checkProxies({ config }: NodeOptions): Promise<readonly CheckFinding[]> {
  const found = (await otherProxies(config)).map((other) => proxyError(other));
  const claim = await takeClaim(chainNames(config.routing).prefix);
  if (claim.kind === 'held') await claim.release();
  if (claim.kind === 'taken' && !found.some(({ code }) => code === 'NP-CHECK-003'))
    found.push(proxyError({ kind: 'nodeplane', seen: [], mode: undefined }));
  const severity = config.kubeProxy === 'ignore' ? 'warning' : 'error';
  return found.map((error) => ({ severity, error }));
}

/** Programs, kernel and permissions. */
export async function checkNode(
  options: CheckOptions,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const { source } = options;
  const families = options.families ?? (await supportedFamilies(createSysctls()));
  const kernel = checkKernel(options, families, { exec, isInstalled });
  const permissions = source?.kind === 'api' ? askServer({ ...options, source }, signal) : [];
  const found = await Promise.all([kernel, permissions]);
  return found.flat();
}

const longestWait = 10_000;

async function askServer(options: SourceOptions, signal: AbortSignal): Promise<readonly CheckFinding[]> {
  const late = AbortSignal.timeout(longestWait);
  let client: ApiClient | undefined;
  try {
    ({ client } = await openSource(options, false));
    if (client === undefined) return [];
    return await checkPermissions(client, options.config, AbortSignal.any([signal, late]));
  } catch (thrown) {
    signal.throwIfAborted();
    if (late.aborted && client !== undefined) return [{ severity: 'warning', error: noAnswer(client) }];
    if (!(thrown instanceof NodeplaneError)) throw thrown;
    return [unasked(thrown)];
  } finally {
    client?.close();
  }
}

function noAnswer({ server }: ApiClient): NodeplaneError {
  return new NodeplaneError('NP-API-002', { server, reason: `no answer within ${longestWait / 1000} s` });
}
