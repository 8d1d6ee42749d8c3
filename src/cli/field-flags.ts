import type { ConfigFlags, FieldFlag } from '../config/flags.ts';
import { flagError } from '../config/flags.ts';
import { type FlagForm, type KubeProxyFlag, kubeProxyFlags } from './kube-proxy-flags.ts';

/** The values of kube-proxy's flags as they were written, by flag; `true` for a switch without a value. */
export type RawKubeProxyFlags = Readonly<Record<string, string | true>>;

/** What kube-proxy's flags say. */
export interface KubeProxyFlagsRead {
  readonly fields: readonly FieldFlag[];
  readonly ports: NonNullable<ConfigFlags['ports']>;
  /** Flags that were given and that do nothing. */
  readonly ignored: readonly string[];
}

/** Reads the values as Go's flags do. An empty one says nothing. @throws NodeplaneError `NP-CLI-002`. */
export function readKubeProxyFlags(raw: RawKubeProxyFlags): KubeProxyFlagsRead {
  const given = kubeProxyFlags.flatMap((declared) => {
    const value = raw[declared.flag];
    return value === undefined ? [] : [{ declared, text: value === true ? 'true' : value }];
  });
  return {
    fields: given.flatMap(({ declared, text }) => [...fieldOf(declared, text), ...closed(declared, text)]),
    ports: { healthz: portOf(raw, '--healthz-port'), metrics: portOf(raw, '--metrics-port') },
    ignored: given.flatMap(({ declared }) => (declared.form.startsWith('ignored') ? [declared.flag] : [])),
  };
}

type Read = (text: string, flag: string) => unknown;

/** What a field of the file would hold; what kind of text it is, its schema judges. */
const readers: Readonly<Record<FlagForm, Read>> = {
  text: (text) => text,
  list: (text) => text.split(',').map((each) => each.trim()),
  boolean: readBoolean,
  number: readNumber,
  gates: readGates,
  port: readPort,
  ignored: () => undefined,
  'ignored switch': () => undefined,
};

function fieldOf({ flag, form, field }: KubeProxyFlag, text: string): FieldFlag[] {
  if (field === undefined || text.trim() === '') return [];
  const value = readers[form](text.trim(), flag);
  return [{ flag, text, kind: 'KubeProxyConfiguration', path: field.split('.'), value }];
}

const servers: ReadonlyMap<string, 'healthz' | 'metrics'> = new Map([
  ['--healthz-bind-address', 'healthz'],
  ['--healthz-port', 'healthz'],
  ['--metrics-bind-address', 'metrics'],
  ['--metrics-port', 'metrics'],
]);

/** An empty address and port 0 close the server. */
function closed({ flag, form }: KubeProxyFlag, text: string): FieldFlag[] {
  const server = servers.get(flag);
  if (server === undefined || text.trim() !== (form === 'port' ? '0' : '')) return [];
  return [{ flag, text, kind: 'NodeplaneConfiguration', path: ['serving', server], value: false }];
}

function portOf(raw: RawKubeProxyFlags, flag: string): number | undefined {
  const text = raw[flag];
  if (text === undefined || text === true || text.trim() === '') return undefined;
  return readPort(text.trim(), flag) || undefined;
}

function readPort(text: string, flag: string): number {
  const port = readNumber(text, flag);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw flagError(flag, text, 'it is no port; 0 means none');
}

function readNumber(text: string, flag: string): number {
  if (/^[-+]?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  throw flagError(flag, text, 'it is not a number');
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
]);

const notBoolean = 'it is neither true nor false';

/** The words of Go's `strconv.ParseBool`. */
export function readBoolean(text: string, flag: string): boolean {
  const value = booleans.get(text);
  if (value !== undefined) return value;
  throw flagError(flag, text, notBoolean);
}

/** `A=true,B=false`. */
function readGates(text: string, flag: string): Readonly<Record<string, boolean>> {
  const parts = text.split(',').map((part) => part.trim());
  const gates = parts.flatMap((part) => {
    if (part === '') return [];
    const [name = '', value] = part.split('=').map((each) => each.trim());
    if (value === undefined || name === '') throw flagError(flag, text, 'write it as Gate=true,Other=false');
    const wanted = booleans.get(value);
    if (wanted === undefined) throw flagError(flag, text, notBoolean);
    return [[name, wanted] as const];
  });
  return Object.fromEntries(gates);
}
