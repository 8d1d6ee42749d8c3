/**
 * Feature gates that change what a service proxy does, in Kubernetes 1.36 or a version before it, and what nodeplane does whatever they
 * say. `AllAlpha` and `AllBeta` stand here because nodeplane has no alpha behaviour to switch on, and no beta to switch off.
 */
const standing: ReadonlyMap<string, boolean> = new Map([
  ['AllAlpha', false],
  ['AllowServiceExternalIPs', true],
  ['ComponentFlagz', false],
  ['ComponentStatusz', false],
  ['EndpointSliceTerminatingCondition', true],
  ['IPv6DualStack', true],
  ['KubeProxyDrainingTerminatingNodes', true],
  ['LoadBalancerIPMode', true],
  ['LoggingAlphaOptions', false],
  ['MixedProtocolLBService', true],
  ['MultiCIDRServiceAllocator', true],
  ['NFTablesProxyMode', false],
  ['NativeHistograms', false],
  ['PreferSameTrafficDistribution', true],
  ['ProxyTerminatingEndpoints', true],
  ['ServiceInternalTrafficPolicy', true],
  ['ServiceTrafficDistribution', true],
  ['TopologyAwareHints', true],
  ['WatchListClient', true],
]);

/** Whether nodeplane does anyway what the gate asks for. Of gates that are none of a service proxy it does nothing. */
export function isGateHonoured(gate: string, wanted: boolean): boolean {
  return standing.get(gate) === wanted;
}
