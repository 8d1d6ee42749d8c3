/** Something that rules use and a host may lack. */
export interface Probe {
  /** An extension by its name in rules (`recent`, `MASQUERADE`), or an option of one. */
  readonly name: string;
  /** What a rule says to use it. */
  readonly rule: string;
  /** What does not work without it. */
  readonly neededFor: string;
  /** There are no rules at all without it. Else the rules do without: IptablesFeatures says so. */
  readonly required: boolean;
}

function always(name: string, rule: string, neededFor: string): Probe {
  return { name, rule, neededFor, required: true };
}

function sometimes(name: string, rule: string, neededFor: string): Probe {
  return { name, rule, neededFor, required: false };
}

/** Option of MASQUERADE: iptables 1.6.2, kubernetes/kubernetes#56903. */
export const randomFully = sometimes(
  'random-fully',
  '-j MASQUERADE --random-fully',
  'source ports that do not collide',
);

/** The match by itself; whether its counters exist is another question (nfacct.ts). */
export const nfacct = sometimes(
  'nfacct',
  '-m nfacct --nfacct-name nodeplane_probe',
  'two counters of kube-proxy',
);

export const sctp = sometimes('sctp', '-p sctp -m sctp --dport 1', 'SCTP services');

export const recent = sometimes(
  'recent',
  '-m recent --name x --rcheck --seconds 1 --reap',
  'session affinity',
);

/** All that the rules of the iptables dialect name. */
export const probes: readonly Probe[] = [
  always('comment', '-m comment --comment x', 'names of services in rules'),
  always('mark', '-m mark --mark 0x1/0x1', 'masquerading'),
  always('MARK', '-j MARK --or-mark 0x1', 'masquerading'),
  always('MASQUERADE', '-j MASQUERADE', 'masquerading'),
  always('addrtype', '-m addrtype --dst-type LOCAL', 'NodePorts'),
  always('statistic', '-m statistic --mode random --probability 0.5', 'more than one endpoint'),
  always('tcp', '-p tcp -m tcp --dport 1', 'TCP services'),
  always('udp', '-p udp -m udp --dport 1', 'UDP services'),
  always('DNAT', '-p tcp -j DNAT --to-destination :1', 'endpoints'),
  always('conntrack', '-m conntrack --ctstate NEW', 'replies, and the firewall of load balancers'),
  always('REJECT', '-j REJECT', 'services without endpoints'),
  sctp,
  recent,
  randomFully,
  nfacct,
];
