import type { ConfigFlags } from '../config/load.ts';
import { didYouMean } from '../config/nearest.ts';
import { iptablesVariants } from '../config/schema.ts';
import { NodeplaneError, printable } from '../errors.ts';
import { type Family, families } from '../model/address.ts';
import { type LogLevel, logLevels } from '../observe/log.ts';
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
  /** Undefined: what the verb has by default. */
  readonly logLevel: LogLevel | undefined;
  readonly rules: boolean;
  readonly detailedExitcode: boolean;
}

const familiesByChoice: Readonly<Record<(typeof familyChoices)[number], readonly Family[]>> = {
  ipv4: ['IPv4'],
  ipv6: ['IPv6'],
  dual: families,
};

/** Checks each flag. @throws NodeplaneError `NP-CLI-002`. */
export function readSettings(flags: RawFlags): Settings {
  const family = choice(flags, 'family', familyChoices);
  return {
    manifests: text(flags, 'manifests'),
    configFile: text(flags, 'config'),
    config: {
      mode: text(flags, 'mode'),
      iptablesVariant: choice(flags, 'iptablesVariant', iptablesVariants),
      nodeName: text(flags, 'node'),
      clusterCIDR: text(flags, 'clusterCidr'),
    },
    families: family === undefined ? undefined : familiesByChoice[family],
    output: choice(flags, 'output', outputs) ?? 'text',
    logLevel: choice(flags, 'logLevel', logLevels),
    rules: flags.rules === true,
    detailedExitcode: flags.detailedExitcode === true,
  };
}

function text(flags: RawFlags, name: FlagName): string | undefined {
  const value = flags[name];
  if (value === undefined || value === true) return undefined;
  if (value.trim() === '') throw unusable(name, value, 'it is empty');
  if (value.includes('\0')) throw unusable(name, value, 'it holds a zero byte');
  return value;
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

function unusable(name: FlagName, value: string, reason: string): NodeplaneError {
  const short = value.length > 80 ? `${value.slice(0, 79)}…` : value;
  return new NodeplaneError('NP-CLI-002', { flag: flagTable[name].flag, value: printable(short), reason });
}
