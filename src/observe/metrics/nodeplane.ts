import { exponential } from './buckets.ts';

const family = ['ip_family'] as const;
const resource = ['resource'] as const;

/** Our own metrics: what an operator asks that kube-proxy's cannot answer. Every label has few values, whatever the cluster holds. */
export const nodeplaneMetrics = {
  nodeplane_build_info: {
    type: 'gauge',
    labels: ['version', 'commit', 'node_version'],
    help: 'Always 1; which build runs, and on which Node.js',
  },
  nodeplane_source_last_heard_timestamp_seconds: {
    type: 'gauge',
    labels: resource,
    help: 'When the API server last spoke on the watch of the resource: an event or a bookmark',
  },
  nodeplane_source_last_list_timestamp_seconds: {
    type: 'gauge',
    labels: resource,
    help: 'When all objects of the resource were last heard',
  },
  nodeplane_source_lists_total: {
    type: 'counter',
    labels: resource,
    help: 'How often all objects of the resource were heard: once at the start, and again when the server no longer knew our version',
  },
  nodeplane_source_list_objects: {
    type: 'gauge',
    labels: resource,
    help: 'Objects that the last list of the resource held',
  },
  nodeplane_source_resumes_total: {
    type: 'counter',
    labels: resource,
    help: 'Watches that ended, as they all do after some minutes, and were followed by the next one without a list',
  },
  nodeplane_source_failures_total: {
    type: 'counter',
    labels: ['resource', 'code'],
    help: 'Lists and watches that failed, by code of the error; each was tried again',
  },
  nodeplane_findings: {
    type: 'gauge',
    labels: ['code'],
    help: 'Findings that stand now, by code',
  },
  nodeplane_service_ports: {
    type: 'gauge',
    labels: family,
    help: 'Service ports that are programmed',
  },
  nodeplane_quarantined_service_ports: {
    type: 'gauge',
    labels: family,
    help: 'Service ports that are left out because the kernel refuses their rules, or lacks what these need',
  },
  nodeplane_sync_failures_total: {
    type: 'counter',
    labels: ['ip_family', 'code'],
    help: 'Syncs that failed, by code of the error',
  },
  nodeplane_plan_steps: {
    type: 'histogram',
    labels: family,
    buckets: [0, 1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000],
    help: 'Chains written or deleted and rules inserted by each sync',
  },
  nodeplane_plan_bytes: {
    type: 'histogram',
    labels: family,
    buckets: [0, ...exponential(256, 4, 10)],
    help: 'Bytes of rule text sent by each sync',
  },
  nodeplane_last_plan_steps: {
    type: 'gauge',
    labels: family,
    help: 'Chains written or deleted and rules inserted by the last sync that changed something',
  },
  nodeplane_last_plan_bytes: {
    type: 'gauge',
    labels: family,
    help: 'Bytes of rule text sent by the last sync that changed something',
  },
  nodeplane_drift_total: {
    type: 'counter',
    labels: family,
    help: 'How often rules of ours were found changed by somebody else',
  },
  nodeplane_program_duration_seconds: {
    type: 'histogram',
    labels: ['program', 'ok'],
    buckets: exponential(0.001, 2, 15),
    help: 'How long programs of the host ran (iptables-restore, conntrack, …), and whether they succeeded',
  },
  nodeplane_conntrack_entries: {
    type: 'gauge',
    labels: [],
    help: 'Connections that the kernel tracks (nf_conntrack_count); absent where it cannot be read',
  },
  nodeplane_conntrack_entries_limit: {
    type: 'gauge',
    labels: [],
    help: 'Connections that the kernel can track (nf_conntrack_max); absent where it cannot be read',
  },
  nodeplane_config_refusals_total: {
    type: 'counter',
    labels: [],
    help: 'How often the configuration file was changed into one that is not valid; what it said before held on',
  },
  nodeplane_listen_failures_total: {
    type: 'counter',
    labels: ['server'],
    help: 'Attempts to listen on an address that failed',
  },
} as const;
