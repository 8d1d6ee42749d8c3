import { execFile } from 'node:child_process';
import { printable } from '../../errors.ts';

/** A program that prints credentials: `exec` of a kubeconfig's user (KEP-541). */
export interface ExecPlugin {
  /** `client.authentication.k8s.io/v1`. */
  readonly apiVersion: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly installHint: string | undefined;
  /** It wants to be told of the cluster. */
  readonly withCluster: boolean;
}

/** The cluster as a plugin is told of it. */
export interface PluginCluster {
  readonly server: string;
  readonly 'tls-server-name'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'certificate-authority-data'?: string;
}

export interface PluginRun {
  readonly plugin: ExecPlugin;
  readonly cluster: PluginCluster;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** It is killed after this. */
  readonly timeoutMilliseconds: number;
  readonly signal: AbortSignal;
}

export interface ExecCredential {
  readonly token: string | undefined;
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
  /** Milliseconds since 1970; undefined: until the server refuses it. */
  readonly expires: number | undefined;
}

const longestOutput = 1024 * 1024;
const longestMessage = 500;

/**
 * Runs the plugin once, without a shell and without a terminal.
 * @throws Error in plain words, with the beginning of what the plugin wrote to standard error.
 */
export async function runPlugin(run: PluginRun): Promise<ExecCredential> {
  const { plugin } = run;
  const output = await outputOf(run);
  try {
    return credentialIn(output, plugin.apiVersion);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`the exec plugin ${printable(plugin.command)} ${reason}`, { cause: thrown });
  }
}

function outputOf(run: PluginRun): Promise<string> {
  const { plugin, environment, timeoutMilliseconds, signal } = run;
  const options = {
    env: { ...environment, ...Object.fromEntries(plugin.environment), KUBERNETES_EXEC_INFO: infoFor(run) },
    timeout: timeoutMilliseconds,
    killSignal: 'SIGKILL',
    maxBuffer: longestOutput,
    signal,
  } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(plugin.command, [...plugin.arguments], options, (error, stdout, stderr) => {
      if (error) reject(new Error(failureOf(run, error, stderr), { cause: error }));
      else resolve(stdout);
    });
    // It must not wait for input, and may end without looking at it (EPIPE).
    child.stdin?.on('error', () => undefined);
    child.stdin?.end();
  });
}

function infoFor({ plugin, cluster }: PluginRun): string {
  const spec = { interactive: false, ...(plugin.withCluster ? { cluster } : {}) };
  return JSON.stringify({ apiVersion: plugin.apiVersion, kind: 'ExecCredential', spec });
}

function failureOf(
  { plugin, timeoutMilliseconds, signal }: PluginRun,
  error: Error & { code?: unknown; killed?: boolean; signal?: unknown },
  stderr: string,
): string {
  const name = `the exec plugin ${printable(plugin.command)}`;
  const hint = plugin.installHint === undefined ? '' : ` (${shown(plugin.installHint)})`;
  const said = stderr.trim() === '' ? '' : `: ${shown(stderr.trim())}`;
  if (signal.aborted) return `${name} was stopped`;
  if (error.code === 'ENOENT') return `${name} was not found${hint}`;
  if (error.code === 'EACCES') return `${name} may not be run${hint}`;
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    return `${name} printed more than ${longestOutput} bytes`;
  }
  if (error.killed === true) return `${name} was killed after ${timeoutMilliseconds / 1000} s${said}`;
  if (typeof error.code === 'number') return `${name} ended with exit code ${error.code}${said}`;
  return `${name} failed (${String(error.signal ?? error.code)})${said}`;
}

/** @throws Error that reads on from the name of the plugin. */
function credentialIn(output: string, apiVersion: string): ExecCredential {
  const credential = objectIn(output);
  if (credential['apiVersion'] !== apiVersion) {
    throw new Error(`printed another apiVersion than ${apiVersion}, which the kubeconfig asks for`);
  }
  const { status } = credential;
  const fields = typeof status === 'object' && status !== null ? { ...status } : {};
  const token = textIn(fields, 'token');
  const certificate = textIn(fields, 'clientCertificateData');
  const key = textIn(fields, 'clientKeyData');
  if ((certificate === undefined) !== (key === undefined)) {
    throw new Error('printed a certificate or a key, but not both');
  }
  if (token === undefined && certificate === undefined)
    throw new Error('printed neither token nor certificate');
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new Error('printed a token with characters that no token has');
  }
  const client = certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
  return { token, client, expires: expiryIn(fields) };
}

function objectIn(output: string): Readonly<Record<string, unknown>> {
  const value = jsonIn(output);
  if (typeof value !== 'object' || value === null)
    throw new Error('printed something else than a JSON object');
  return { ...value };
}

/** The parser's message is dropped: it quotes the text, which may hold a secret. */
function jsonIn(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch {
    return undefined;
  }
}

function textIn(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function expiryIn(fields: Readonly<Record<string, unknown>>): number | undefined {
  const text = textIn(fields, 'expirationTimestamp');
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Error('printed an expirationTimestamp that is no time');
  return time;
}

function shown(text: string): string {
  return printable(text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text);
}
