import type { Config } from '../config/defaults.ts';
import type { ConfigUpdates } from '../config/updates.ts';
import type { Log } from '../observe/log.ts';

/** The configuration that holds now. A file that is not valid any more changes nothing. */
export interface LiveConfig {
  readonly current: Config;
  /** Only what needs nothing to be opened again has changed: routing, periods, connection tracking, the OOM score. One listener. */
  onChange(listener: (config: Config) => void): void;
  /**
   * What was opened with the old one has to be opened again: the source, the observers. The old one is current until the listener adopts
   * the new one. Undefined: what was wanted the last time is wanted no more. One listener.
   */
  onRestart(listener: (wanted: Config | undefined) => void): void;
  adopt(config: Config): void;
  /** The file is not valid any more. One listener. */
  onRefused(listener: (error: Error) => void): void;
  stop(): Promise<void>;
}

export function followConfig(first: Config, updates: ConfigUpdates | undefined, log: Log): LiveConfig {
  let current = first;
  let change: (config: Config) => void = () => undefined;
  let restart: (wanted: Config | undefined) => void = () => undefined;
  let refused: (error: Error) => void = () => undefined;
  updates?.start({
    changed: (config) => {
      const wanted = keepRules(current, config, log);
      const fields = changedFields(current, wanted);
      const isLive = fields.every((field) => liveFields.has(field));
      restart(isLive ? undefined : wanted);
      if (fields.length === 0) return;
      log.info({ fields, restarts: !isLive }, 'the configuration has changed');
      if (!isLive) return;
      current = wanted;
      change(current);
    },
    refused: (error) => refused(error),
  });
  return {
    get current() {
      return current;
    },
    onChange: (listener) => {
      change = listener;
    },
    onRestart: (listener) => {
      restart = listener;
    },
    adopt: (config) => {
      current = config;
    },
    onRefused: (listener) => {
      refused = listener;
    },
    stop: async () => updates?.stop(),
  };
}

/** `logging` is the command line's. */
const liveFields: ReadonlySet<string> = new Set([
  'routing',
  'sync',
  'conntrack',
  'kubeProxy',
  'oomScoreAdj',
  'logging',
  'withoutEffect',
]);

/**
 * Rules that were written would stay behind, in the other half of the kernel or under other names, and a packet passes through both. One
 * name instead of another only chooses other Services.
 */
function keepRules(before: Config, after: Config, log: Log): Config {
  const { mode, iptablesVariant, serviceProxyName, conntrack } = before;
  const { besideKubeProxy } = before.routing;
  const sameNames = after.routing.besideKubeProxy === besideKubeProxy;
  if (after.mode === mode && after.iptablesVariant === iptablesVariant && sameNames) return after;
  const wanted = {
    mode: after.mode,
    iptablesVariant: after.iptablesVariant,
    serviceProxyName: after.serviceProxyName,
  };
  log.warn(
    wanted,
    'another mode or iptables variant, or work beside kube-proxy instead of in its place, holds from the next start of the process on; run cleanup before it',
  );
  const kept = { ...after, mode, iptablesVariant };
  if (sameNames) return kept;
  // What connection tracking is set to where nothing is said follows from it too.
  return { ...kept, serviceProxyName, conntrack, routing: { ...after.routing, besideKubeProxy } };
}

function changedFields(before: Config, after: Config): readonly string[] {
  const old = new Map(Object.entries(before));
  const names = Object.keys({ ...before, ...after });
  const fresh = new Map(Object.entries(after));
  return names.filter((name) => JSON.stringify(old.get(name)) !== JSON.stringify(fresh.get(name)));
}
