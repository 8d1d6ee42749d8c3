import { exponential, linear } from './buckets.ts';

const family = ['ip_family'] as const;
/** 1 ms to 16 s. */
const durations = exponential(0.001, 2, 15);

/**
 * The metrics of kube-proxy 1.36 in iptables mode (pkg/proxy/metrics/metrics.go), with its names, labels and buckets, so that dashboards
 * and alerts made for it go on working. Where ours mean a little more or less, the help text says so.
 */
export const kubeProxyMetrics = {
  kubeproxy_sync_proxy_rules_duration_seconds: {
    type: 'histogram',
    labels: family,
    buckets: durations,
    help: 'SyncProxyRules latency in seconds: how long each sync took, those that failed included',
  },
  kubeproxy_sync_full_proxy_rules_duration_seconds: {
    type: 'histogram',
    labels: family,
    buckets: durations,
    help: 'SyncProxyRules latency in seconds for full resyncs, which read the kernel and compare everything',
  },
  kubeproxy_sync_partial_proxy_rules_duration_seconds: {
    type: 'histogram',
    labels: family,
    buckets: durations,
    help: 'SyncProxyRules latency in seconds for partial resyncs, which look at what changed',
  },
  kubeproxy_sync_proxy_rules_last_timestamp_seconds: {
    type: 'gauge',
    labels: family,
    help: 'The last time proxy rules were successfully synced',
  },
  kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds: {
    type: 'gauge',
    labels: family,
    help: 'The last time a sync of proxy rules was queued',
  },
  kubeproxy_network_programming_duration_seconds: {
    type: 'histogram',
    labels: family,
    // The 0 is in kube-proxy's too, by a slip of MergeBuckets in component-base.
    buckets: [0, ...linear(0.25, 0.25, 2), ...linear(1, 1, 59), ...linear(60, 5, 12), ...linear(120, 30, 7)],
    help: 'In Cluster Network Programming Latency in seconds: from the change of a pod or Service, as its EndpointSlice tells it, to the rules in the kernel',
  },
  kubeproxy_sync_proxy_rules_endpoint_changes_pending: {
    type: 'gauge',
    labels: [],
    help: 'Pending proxy rules Endpoint changes: changed EndpointSlices that the rules of some family do not show yet',
  },
  kubeproxy_sync_proxy_rules_endpoint_changes_total: {
    type: 'counter',
    labels: [],
    help: 'Cumulative proxy rules Endpoint changes',
  },
  kubeproxy_sync_proxy_rules_service_changes_pending: {
    type: 'gauge',
    labels: [],
    help: 'Pending proxy rules Service changes: changed Services that the rules of some family do not show yet',
  },
  kubeproxy_sync_proxy_rules_service_changes_total: {
    type: 'counter',
    labels: [],
    help: 'Cumulative proxy rules Service changes',
  },
  kubeproxy_iptables_ct_state_invalid_dropped_packets_total: {
    type: 'counter',
    labels: [],
    help: 'Packets dropped by iptables to work around conntrack problems; absent where the kernel has no nfacct counters',
  },
  kubeproxy_iptables_localhost_nodeports_accepted_packets_total: {
    type: 'counter',
    labels: [],
    help: 'Number of packets accepted on nodeports of loopback interface; absent where the kernel has no nfacct counters',
  },
  kubeproxy_sync_proxy_rules_iptables_restore_failures_total: {
    type: 'counter',
    labels: family,
    help: 'Cumulative proxy iptables restore failures: syncs that a program of iptables made fail',
  },
  kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total: {
    type: 'counter',
    labels: family,
    help: 'Cumulative proxy iptables partial restore failures: syncs in which writing only what changed failed, so that everything was compared after it',
  },
  kubeproxy_sync_proxy_rules_iptables_total: {
    type: 'gauge',
    labels: ['table', 'ip_family'],
    help: 'Total number of iptables rules owned by the proxy',
  },
  kubeproxy_sync_proxy_rules_iptables_last: {
    type: 'gauge',
    labels: ['table', 'ip_family'],
    help: 'Number of iptables rules written by the proxy in last sync',
  },
  kubeproxy_proxy_healthz_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Cumulative proxy healthz HTTP status',
  },
  kubeproxy_proxy_livez_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Cumulative proxy livez HTTP status',
  },
  kubeproxy_sync_proxy_rules_no_local_endpoints_total: {
    type: 'gauge',
    labels: ['traffic_policy', 'ip_family'],
    help: 'Number of services with a Local traffic policy and no endpoints on this node, but some elsewhere',
  },
  kubeproxy_conntrack_reconciler_sync_duration_seconds: {
    type: 'histogram',
    labels: family,
    buckets: durations,
    help: 'ReconcileConntrackFlowsLatency latency in seconds: how long removing stale UDP flows took',
  },
  kubeproxy_conntrack_reconciler_deleted_entries_total: {
    type: 'counter',
    labels: family,
    help: 'Cumulative conntrack flows deleted by conntrack reconciler',
  },
} as const;
