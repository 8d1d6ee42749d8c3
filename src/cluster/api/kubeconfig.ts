import { dirname, isAbsolute, resolve } from 'node:path';
import { NodeplaneError, printable, toError } from '../../errors.ts';
import { readYaml } from '../parse-yaml.ts';
import type { Account, Authorization, Pem } from './account.ts';
import type { ExecPlugin } from './exec-plugin.ts';
import { FieldError, type Fields, fieldsOf } from './fields.ts';
import { readText } from './read-file.ts';
import { serverUrl } from './server-url.ts';

/**
 * The account of the current context. Paths are relative to the file; data goes before files and a token file before a token, as in client-go.
 * Read by ourselves, since KubeConfig of @kubernetes/client-node 1.4.0 does not know `tokenFile` (kubeadm's kubeconfig for kube-proxy has
 * no other credential), lets files go before data, and runs plugins without KUBERNETES_EXEC_INFO, without a limit of time, and never anew
 * after a 401.
 * Not offered: `auth-provider` (kube-proxy has none either), `proxy-url` and impersonation; they are refused by name.
 * @param server goes instead of the cluster's, and then `tls-server-name` no longer holds, as with client-go's overrides.
 * @throws NodeplaneError `NP-API-001` with the field and the reason.
 */
export async function readKubeconfig(file: string, server: string | undefined): Promise<Account> {
  try {
    const config = fieldsOf(parsed(await readText(file)));
    return accountOf(config, file, server);
  } catch (thrown) {
    throw unusable(file, toError(thrown));
  }
}

/** @param cause its message is the reason. */
export function unusable(file: string, cause: Error): NodeplaneError {
  return new NodeplaneError('NP-API-001', { file: printable(file), reason: printable(cause.message) }, cause);
}

function parsed(text: string): unknown {
  const told = readYaml(text);
  if ('reason' in told) {
    const line = text.slice(0, told.offset).split('\n').length;
    throw new FieldError(`line ${line} is no YAML: ${told.reason}`);
  }
  if (told.values.length === 0) throw new FieldError('the file is empty');
  return told.values[0];
}

function accountOf(config: Fields, file: string, override: string | undefined): Account {
  const current = config.need('current-context');
  const context = named(config, 'contexts', 'context', current, 'current-context');
  const cluster = named(config, 'clusters', 'cluster', context.need('cluster'), context.at('cluster'));
  const userName = context.text('user');
  const user =
    userName === undefined
      ? fieldsOf({}, context.at('user'))
      : named(config, 'users', 'user', userName, context.at('user'));
  refuse(cluster, 'proxy-url', 'proxies are not supported');
  const directory = dirname(resolve(file));
  return {
    from: file,
    server: override ?? serverUrl(cluster.need('server'), cluster.at('server')),
    authority: pemOf(cluster, 'certificate-authority', directory),
    serverName: override === undefined ? cluster.text('tls-server-name') : undefined,
    insecure: cluster.flag('insecure-skip-tls-verify'),
    client: clientOf(user, directory),
    authorization: authorizationOf(user, directory),
  };
}

/** The entry of that name in a list of `{name, <inner>}`. */
function named(config: Fields, list: string, inner: string, name: string, because: string): Fields {
  const entry = config.list(list).find((each) => each.text('name') === name);
  if (!entry) throw new FieldError(`${because} names "${name}", which is not in ${list}`);
  return entry.inner(inner) ?? fieldsOf({}, entry.at(inner));
}

/** `<name>-data` (base64) or the file `<name>`. */
function pemOf(fields: Fields, name: string, directory: string): Pem | undefined {
  const data = fields.text(`${name}-data`);
  if (data !== undefined) {
    return { kind: 'text', field: fields.at(`${name}-data`), text: Buffer.from(data, 'base64').toString() };
  }
  const file = fields.text(name);
  return file === undefined
    ? undefined
    : { kind: 'file', field: fields.at(name), file: resolve(directory, file) };
}

function clientOf(user: Fields, directory: string): Account['client'] {
  const certificate = pemOf(user, 'client-certificate', directory);
  const key = pemOf(user, 'client-key', directory);
  if (!certificate && !key) return undefined;
  if (!key) throw new FieldError(`${user.at('client-key')} is missing`);
  if (!certificate) throw new FieldError(`${user.at('client-certificate')} is missing`);
  return { certificate, key };
}

function authorizationOf(user: Fields, directory: string): Authorization {
  refuse(user, 'auth-provider', 'it is not supported; use exec');
  for (const name of ['as', 'as-uid', 'as-groups', 'as-user-extra']) {
    refuse(user, name, 'impersonation is not supported');
  }
  const file = user.text('tokenFile');
  if (file !== undefined) return { kind: 'token-file', file: resolve(directory, file) };
  const token = user.text('token');
  if (token !== undefined) return { kind: 'token', token: headerText(token, user.at('token')) };
  const exec = user.inner('exec');
  if (exec) return { kind: 'exec', plugin: pluginOf(exec, directory) };
  const name = user.text('username');
  if (name !== undefined) return { kind: 'basic', user: name, password: user.text('password') ?? '' };
  return { kind: 'none' };
}

function pluginOf(exec: Fields, directory: string): ExecPlugin {
  const apiVersion = exec.need('apiVersion');
  if (!/^client\.authentication\.k8s\.io\/v1(beta1)?$/.test(apiVersion)) {
    throw new FieldError(
      `${exec.at('apiVersion')} is neither v1 nor v1beta1 of client.authentication.k8s.io`,
    );
  }
  if (exec.text('interactiveMode') === 'Always') {
    throw new FieldError(`${exec.at('interactiveMode')} is Always, and there is no terminal`);
  }
  const command = exec.need('command');
  const isPath = command.includes('/') && !isAbsolute(command);
  return {
    apiVersion,
    command: isPath ? resolve(directory, command) : command,
    arguments: exec.texts('args'),
    environment: exec.list('env').map((each) => [each.need('name'), each.text('value') ?? '']),
    installHint: exec.text('installHint'),
    withCluster: exec.flag('provideClusterInfo'),
  };
}

function refuse(fields: Fields, name: string, reason: string): void {
  if (fields.has(name)) throw new FieldError(`${fields.at(name)} is set: ${reason}`);
}

/** @throws FieldError when it cannot stand in a header. */
function headerText(text: string, at: string): string {
  const trimmed = text.trim();
  if (!/^[\x21-\x7e]+$/.test(trimmed)) throw new FieldError(`${at} holds characters that no token has`);
  return trimmed;
}
