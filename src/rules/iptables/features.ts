/** What the iptables programs and the kernel at hand can do; probed by kernel/, an argument to everything pure. */
export interface IptablesFeatures {
  /** `MASQUERADE --random-fully`: iptables 1.6.2 and a kernel that knows it (kubernetes/kubernetes#56903). */
  readonly randomFully: boolean;
  /** `-m nfacct`, with kube-proxy's two counters in place. */
  readonly nfacct: boolean;
  /** `-m recent`: session affinity. */
  readonly recent: boolean;
  /** `-m sctp`: SCTP ports. */
  readonly sctp: boolean;
}

/** What programs and kernels of today can do, but for `nfacct`, which hardly any kernel has loaded. */
export const usualFeatures: IptablesFeatures = { randomFully: true, nfacct: false, recent: true, sctp: true };
