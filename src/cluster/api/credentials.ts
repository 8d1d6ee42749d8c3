import { printable, toError } from '../../errors.ts';
import type { Account, Authorization } from './account.ts';
import { ApiError } from './client.ts';
import { type ExecCredential, type ExecPlugin, type PluginCluster, runPlugin } from './exec-plugin.ts';
import { readText } from './read-file.ts';
import { checkPair, readTlsMaterial, type TlsMaterial } from './tls-material.ts';

/** What proves who we are, for one request. */
export interface Proof {
  readonly tls: TlsMaterial;
  /** The Authorization header. */
  readonly authorization: string | undefined;
}

/** Proofs that are fresh for each request: files are read again, exec plugins are asked again when theirs has expired. */
export interface Credentials {
  /** @throws Error in plain words, naming the file or the plugin. */
  current(): Promise<Proof>;
  /** The server answered 401 to it: what an exec plugin gave is asked for anew. */
  refused(proof: Proof): void;
}

export interface CredentialOptions {
  readonly account: Account;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A plugin is killed after this. */
  readonly pluginMilliseconds: number;
  /** Aborted: plugins are stopped. */
  readonly signal: AbortSignal;
}

export function createCredentials(options: CredentialOptions): Credentials {
  const { account } = options;
  const { authorization } = account;
  let checked: TlsMaterial | undefined;
  const readTls = async (): Promise<TlsMaterial> => {
    checked = await readTlsMaterial(account, checked);
    return checked;
  };
  // kubectl and kube-proxy send no credentials without TLS either: everybody on the way could read them.
  if (!account.server.startsWith('https:')) {
    return plainCredentials;
  }
  if (authorization.kind === 'exec') return execCredentials(options, authorization.plugin, readTls);
  return {
    current: async () => ({ tls: await readTls(), authorization: await headerOf(authorization) }),
    refused: () => undefined,
  };
}

/** @param cause its message is the reason. @param what is put before it. */
export function noCredentials(server: string, cause: Error, what?: string): ApiError {
  const reason = what === undefined ? cause.message : `${what}: ${cause.message}`;
  return new ApiError('NP-API-009', { server, reason: printable(reason) }, { cause });
}

const plainCredentials: Credentials = {
  current: () =>
    Promise.resolve({
      tls: { authority: undefined, certificate: undefined, key: undefined },
      authorization: undefined,
    }),
  refused: () => undefined,
};

async function headerOf(
  authorization: Exclude<Authorization, { kind: 'exec' }>,
): Promise<string | undefined> {
  switch (authorization.kind) {
    case 'none':
      return undefined;
    case 'token':
      return `Bearer ${authorization.token}`;
    case 'token-file':
      return `Bearer ${await readToken(authorization.file)}`;
    case 'basic': {
      const pair = `${authorization.user}:${authorization.password}`;
      return `Basic ${Buffer.from(pair).toString('base64')}`;
    }
  }
}

async function readToken(file: string): Promise<string> {
  let text: string;
  try {
    text = (await readText(file)).trim();
  } catch (thrown) {
    throw new Error(`the token file ${file}: ${toError(thrown).message}`, { cause: thrown });
  }
  if (text === '') throw new Error(`the token file ${file} is empty`);
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Error(`the token file ${file} holds no token`);
  return text;
}

/** One plugin runs at a time, and all requests share what it gave, until that expires or is refused. */
function execCredentials(
  options: CredentialOptions,
  plugin: ExecPlugin,
  readTls: () => Promise<TlsMaterial>,
): Credentials {
  let held: ExecCredential | undefined;
  let asking: Promise<ExecCredential> | undefined;
  const givenWith = new WeakMap<Proof, ExecCredential>();
  const ask = async (tls: TlsMaterial): Promise<ExecCredential> => {
    const { account, environment, pluginMilliseconds: timeoutMilliseconds, signal } = options;
    const cluster = clusterFor(account, tls);
    const given = await runPlugin({ plugin, cluster, environment, timeoutMilliseconds, signal });
    if (given.client) checkPair(given.client, `certificate and key of the exec plugin ${plugin.command}`);
    held = given;
    return given;
  };
  const credential = (tls: TlsMaterial): Promise<ExecCredential> => {
    if (held && (held.expires === undefined || held.expires > Date.now())) return Promise.resolve(held);
    asking ??= ask(tls).finally(() => {
      asking = undefined;
    });
    return asking;
  };
  return {
    async current() {
      const tls = await readTls();
      const given = await credential(tls);
      const proof = {
        tls: { ...tls, ...given.client },
        authorization: given.token === undefined ? undefined : `Bearer ${given.token}`,
      };
      givenWith.set(proof, given);
      return proof;
    },
    refused(proof) {
      if (givenWith.get(proof) === held) held = undefined;
    },
  };
}

function clusterFor({ server, serverName, insecure }: Account, { authority }: TlsMaterial): PluginCluster {
  return {
    server,
    ...(serverName === undefined ? {} : { 'tls-server-name': serverName }),
    ...(insecure ? { 'insecure-skip-tls-verify': true } : {}),
    ...(authority === undefined
      ? {}
      : { 'certificate-authority-data': Buffer.from(authority).toString('base64') }),
  };
}
