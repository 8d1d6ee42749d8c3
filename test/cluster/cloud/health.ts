/** What probes have told of a node, as far as one load balancer is concerned. */
export interface Health {
  readonly healthy: boolean;
  /** In a row. */
  readonly failures: number;
}

/** Of a node that has not been probed. */
export const unknownHealth: Health = { healthy: false, failures: 0 };

const unhealthyAfter = 2;

/** One success makes healthy, two failures in a row unhealthy. */
export function afterProbe({ healthy, failures }: Health, succeeded: boolean): Health {
  if (succeeded) return { healthy: true, failures: 0 };
  return { healthy: healthy && failures + 1 < unhealthyAfter, failures: failures + 1 };
}
