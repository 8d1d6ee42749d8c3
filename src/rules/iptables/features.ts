/** What the iptables programs and the kernel at hand can do; probed by kernel/, an argument to everything pure. */
export interface IptablesFeatures {
  /** `MASQUERADE --random-fully`: iptables 1.6.2 and a kernel that knows it (kubernetes/kubernetes#56903). */
  readonly randomFully: boolean;
  /** `-m nfacct`, with kube-proxy's two counters in place. */
  readonly nfacct: boolean;
}
