import { cpus } from 'node:os';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/defaults.ts';
import { applyConntrackSettings } from '../kernel/conntrack-settings.ts';
import { type Exec, exec } from '../kernel/exec.ts';
import { supportedFamilies } from '../kernel/families.ts';
import { follow } from '../kernel/follow-program.ts';
import { createSysctls, type Sysctls } from '../kernel/sysctl.ts';
import type { Family } from '../model/address.ts';
import type { Log } from '../observe/log.ts';
import { createDriftWatch, type DriftWatch, type DriftWatchOptions } from './drift/watch.ts';
import { createFlowCleaner, type FlowCleaner, type FlowCleanerOptions } from './flows.ts';
import { createObservers, type Observers, type ObserversOptions } from './observers.ts';
import { setOomScore } from './oom-score.ts';
import { openSource } from './open-source.ts';

/** Everything of the agent that touches the world; tests hand in other ones. */
export interface Rooms {
  readonly exec: Exec;
  readonly sysctls: Sysctls;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** Families that this host speaks. */
  readonly supportedFamilies: () => Promise<readonly Family[]>;
  readonly openSource: typeof openSource;
  readonly createObservers: (options: ObserversOptions) => Observers;
  readonly createFlowCleaner: (options: FlowCleanerOptions) => FlowCleaner;
  readonly createDriftWatch: (options: Omit<DriftWatchOptions, 'follow'>) => DriftWatch;
  /** Gives what could not be set. */
  readonly applyConntrackSettings: (settings: Config['conntrack']) => Promise<readonly Error[]>;
  readonly setOomScore: (score: number | undefined, log: Log) => Promise<void>;
}

/** This machine. */
export function machineRooms(): Rooms {
  const sysctls = createSysctls();
  return {
    exec,
    sysctls,
    clock: systemClock,
    random: Math.random,
    supportedFamilies: () => supportedFamilies(sysctls),
    openSource,
    createObservers: (options) => createObservers(options, { exec, sysctls, random: Math.random }),
    createFlowCleaner,
    createDriftWatch: (options) => createDriftWatch({ ...options, follow }),
    applyConntrackSettings: (settings) => {
      const parameters = createSysctls('/sys/module/nf_conntrack/parameters');
      return applyConntrackSettings(settings, { sysctls, parameters, cpus: cpus().length });
    },
    setOomScore,
  };
}
