import { type ConfigFlags, type FieldFlag, flagError } from '../config/flags.ts';
import { didYouMean } from '../config/nearest.ts';
import { type DocumentKind, iptablesVariants, kubeProxyChoices } from '../config/schema.ts';
import { type Family, families } from '../model/address.ts';
import { type LogLevel, logLevels } from '../observe/log.ts';
import { type RawKubeProxyFlags, readBoolean, readKubeProxyFlags } from './field-flags.ts';
import { type FlagName, familyChoices, flagTable, outputs, type RawFlags } from './flags.ts';

export type Output = (typeof outputs)[number];

/** The flags of one call, checked. */
export interface Settings {
  readonly manifests: string | undefined;
  readonly configFile: string | undefined;
  /** What goes into the configuration; checked there. */
  readonly config: ConfigFlags;
  /** Undefined: all that the host speaks. */
  readonly families: readonly Family[] | undefined;
  readonly output: Output;
  /** Undefined: as the configuration has it. */
  readonly logLevel: LogLevel | undefined;
  /** Flags of kube-proxy that were given and that do nothing. */
  readonly ignored: readonly string[];
  readonly writeConfigTo: string | undefined;
  readonly initOnly: boolean;
  readonly cleanup: boolean;
  readonly rules: boolean;
  readonly detailedExitcode: boolean;
}

const familiesByChoice: Readonly<Record<(typeof familyChoices)[number], readonly Family[]>> = {
  ipv4: ['IPv4'],
  ipv6: ['IPv6'],
  dual: families,
};

/** Checks each flag. @throws NodeplaneError `NP-CLI-002`. */
export function readSettings(flags: RawFlags, kubeProxy: RawKubeProxyFlags): Settings {
  const family = choice(flags, 'family', familyChoices);
  const { fields, ports, ignored } = readKubeProxyFlags(kubeProxy);
  const settings = {
    manifests: text(flags, 'manifests'),
    configFile: text(flags, 'config'),
    config: { nodeName: text(flags, 'node'), fields: [...fields, ...ownFields(flags)], ports },
    families: family === undefined ? undefined : familiesByChoice[family],
    output: choice(flags, 'output', outputs) ?? 'text',
    logLevel: choice(flags, 'logLevel', logLevels),
    ignored,
    writeConfigTo: text(flags, 'writeConfigTo'),
    initOnly: switched(flags, 'initOnly'),
    cleanup: switched(flags, 'cleanup'),
    rules: switched(flags, 'rules'),
    detailedExitcode: switched(flags, 'detailedExitcode'),
  };
  if (settings.manifests !== undefined && flags.kubeconfig !== undefined && flags.kubeconfig !== '') {
    throw unusable('kubeconfig', String(flags.kubeconfig), 'objects come from --manifests or from it');
  }
  return settings;
}

/** Our own flags that stand for fields; they go before kube-proxy's. */
function ownFields(flags: RawFlags): readonly FieldFlag[] {
  const kube: DocumentKind = 'KubeProxyConfiguration';
  const ours: DocumentKind = 'NodeplaneConfiguration';
  return [
    ...fieldFlag('mode', text(flags, 'mode'), kube, ['mode']),
    ...fieldFlag('clusterCidr', unlessEmpty(flags, 'clusterCidr'), kube, ['clusterCIDR']),
    ...fieldFlag('kubeconfig', unlessEmpty(flags, 'kubeconfig'), kube, ['clientConnection', 'kubeconfig']),
    ...fieldFlag('master', unlessEmpty(flags, 'master'), ours, ['apiServer']),
    ...fieldFlag('serviceProxyName', text(flags, 'serviceProxyName'), ours, ['serviceProxyName']),
    ...fieldFlag('iptablesVariant', choice(flags, 'iptablesVariant', iptablesVariants), ours, [
      'iptables',
      'variant',
    ]),
    ...fieldFlag('kubeProxy', choice(flags, 'kubeProxy', kubeProxyChoices), ours, ['kubeProxy']),
  ];
}

function fieldFlag(
  name: FlagName,
  value: string | undefined,
  kind: DocumentKind,
  path: readonly string[],
): readonly FieldFlag[] {
  return value === undefined ? [] : [{ flag: flagTable[name].flag, text: value, kind, path, value }];
}

/** Flags that kube-proxy has too: templates of its DaemonSets leave them empty, and then they say nothing. */
function unlessEmpty(flags: RawFlags, name: FlagName): string | undefined {
  return flags[name] === '' ? undefined : text(flags, name);
}

function text(flags: RawFlags, name: FlagName): string | undefined {
  const value = flags[name];
  if (value === undefined || value === true) return undefined;
  if (value.trim() === '') throw unusable(name, value, 'it is empty');
  if (value.includes('\0')) throw unusable(name, value, 'it holds a zero byte');
  return value;
}

function switched(flags: RawFlags, name: FlagName): boolean {
  const value = flags[name];
  return typeof value === 'string' ? readBoolean(value, flagTable[name].flag) : value === true;
}

function choice<const Word extends string>(
  flags: RawFlags,
  name: FlagName,
  words: readonly Word[],
): Word | undefined {
  const value = text(flags, name);
  if (value === undefined) return undefined;
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  throw unusable(name, value, `it is none of ${words.join(', ')}${didYouMean(value, words)}`);
}

function unusable(name: FlagName, value: string, reason: string): Error {
  return flagError(flagTable[name].flag, value, reason);
}
