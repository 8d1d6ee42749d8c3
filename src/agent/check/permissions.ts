import {
  accountName,
  deniedPermissions,
  neededPermissions,
  type Permission,
} from '../../cluster/api/access-review.ts';
import { type ApiClient, ApiError } from '../../cluster/api/client.ts';
import type { Config } from '../../config/defaults.ts';
import { NodeplaneError, printable } from '../../errors.ts';
import type { CheckFinding } from './finding.ts';

/**
 * All permissions that our account lacks, as one finding: an error unless each of them can be done without.
 * @throws ApiError when the server cannot be asked.
 */
export async function checkPermissions(
  client: ApiClient,
  { events, nodeName }: Pick<Config, 'events' | 'nodeName'>,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const denied = await deniedPermissions(client, neededPermissions(events, nodeName), signal);
  if (denied.length === 0) return [];
  // Servers before 1.28 do not tell it.
  const account = await accountName(client, signal).catch(() => undefined);
  const parameters = {
    account: account === undefined ? 'of nodeplane' : printable(account),
    server: client.server,
    missing: missingText(denied),
    rules: rulesText(denied),
    subject: subjectText(account),
  };
  const severity = denied.every(({ optional }) => optional) ? 'warning' : 'error';
  return [{ severity, error: new NodeplaneError('NP-CHECK-004', parameters) }];
}

/**
 * What it means that permissions could not be asked for. A server that is away does not stand in the way: the agent waits for it. Nor does one
 * that does not let us ask (403, nobody is bound to system:basic-user): the rest may be granted. One that does not know us (401) does.
 */
export function unasked(error: NodeplaneError): CheckFinding {
  const mayPass = error instanceof ApiError && error.status !== 401;
  return { severity: mayPass ? 'warning' : 'error', error };
}

interface Rule {
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
}

function rulesOf(denied: readonly Permission[]): readonly Rule[] {
  const rules = new Map<string, Rule>();
  for (const { verb, group, resource } of denied) {
    const key = `${resource}.${group}`;
    rules.set(key, { group, resource, verbs: [...(rules.get(key)?.verbs ?? []), verb] });
  }
  return [...rules.values()];
}

/** `list and watch services, list endpointslices.discovery.k8s.io` */
function missingText(denied: readonly Permission[]): string {
  return rulesOf(denied)
    .map(({ group, resource, verbs }) => {
      const name = group === '' ? resource : `${resource}.${group}`;
      return `${verbs.join(' and ')} ${name}`;
    })
    .join(', ');
}

/** As they stand in a ClusterRole, a line feed before each line. */
function rulesText(denied: readonly Permission[]): string {
  return rulesOf(denied)
    .flatMap(({ group, resource, verbs }) => [
      `  - apiGroups: [${group === '' ? '""' : group}]`,
      `    resources: [${resource}]`,
      `    verbs: [${verbs.join(', ')}]`,
    ])
    .map((line) => `\n${line}`)
    .join('');
}

/** The account as a flag of kubectl. */
function subjectText(account: string | undefined): string {
  const [, namespace, name] = account?.match(/^system:serviceaccount:([\w.-]+):([\w.-]+)$/) ?? [];
  if (namespace !== undefined && name !== undefined) return `--serviceaccount=${namespace}:${name}`;
  return `--user=${account === undefined ? 'NAME' : printable(account)}`;
}
