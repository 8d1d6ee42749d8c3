import { type Family, families } from '../model/address.ts';
import { get, type ImmutableMap } from '../model/immutable-map.ts';
import { decideHealthChecks, type HealthCheck, type HealthChecks } from '../routing/health-check.ts';
import type { Happening, SyncReport } from './happening.ts';

/** How many endpoints of each Service this node serves at this moment. */
export interface HealthCheckCounts {
  observe(happening: Happening): void;
  /** Health checks that the cluster asks for, by `namespace/name`; undefined until it was heard of. */
  wanted(): ImmutableMap<HealthCheck> | undefined;
  /** For an answer given in the family. */
  of(service: string, family: Family): number;
}

/** What the kernel holds of one family. */
interface InForce {
  readonly checks: HealthChecks;
  /** Keys of Service ports that it does not hold. */
  readonly quarantined: ReadonlySet<string>;
}

/**
 * An endpoint counts when it is ready here by the newest that was heard *and* the kernel leads to it: one that is gone stops counting at once, a new
 * one counts when its rules are in force. A Service that the kernel does not hold entirely has none.
 */
export function createHealthCheckCounts(): HealthCheckCounts {
  let latest: HealthChecks | undefined;
  const inForce = new Map<Family, InForce>();
  return {
    observe: (happening) => {
      if (happening.kind === 'snapshot-heard') latest = decideHealthChecks(happening.snapshot, latest);
      if (happening.kind !== 'sync-ended' || happening.error !== undefined) return;
      inForce.set(happening.family, enforced(happening, latest, inForce.get(happening.family)));
    },
    wanted: () => latest?.services,
    of: (service, family) => {
      const check = latest && get(latest.services, service);
      return check === undefined ? 0 : count(service, check, family, inForce);
    },
  };
}

function enforced(
  report: SyncReport,
  latest: HealthChecks | undefined,
  before: InForce | undefined,
): InForce {
  const base = latest?.snapshot === report.snapshot ? latest : before?.checks;
  return {
    checks: decideHealthChecks(report.snapshot, base),
    quarantined: new Set(report.quarantined),
  };
}

function count(
  service: string,
  check: HealthCheck,
  asked: Family,
  inForce: ReadonlyMap<Family, InForce>,
): number {
  const family = familyFor(check, asked);
  const held = inForce.get(family);
  const before = held && get(held.checks.services, service);
  if (held === undefined || before === undefined || before.uid !== check.uid) return 0;
  if (check.servicePorts.some((key) => held.quarantined.has(key))) return 0;
  const [now, then] = [check.local[family] ?? [], before.local[family] ?? []];
  return now === then ? now.length : now.filter((address) => then.includes(address)).length;
}

/** A balancer may ask a single-stack Service in the other family too; kube-proxy has it always fail there. */
function familyFor({ local }: HealthCheck, asked: Family): Family {
  return local[asked] !== undefined
    ? asked
    : (families.find((family) => local[family] !== undefined) ?? asked);
}
