/** What programs in Go and Node.js tell of themselves, under the names that both worlds know. Read at each scrape. */
export const processMetrics = {
  process_cpu_seconds_total: {
    type: 'counter',
    labels: [],
    help: 'Total user and system CPU time spent in seconds, without that of the programs called',
  },
  process_open_fds: { type: 'gauge', labels: [], help: 'Number of open file descriptors' },
  process_max_fds: { type: 'gauge', labels: [], help: 'Maximum number of open file descriptors' },
  process_resident_memory_bytes: { type: 'gauge', labels: [], help: 'Resident memory size in bytes' },
  process_virtual_memory_bytes: { type: 'gauge', labels: [], help: 'Virtual memory size in bytes' },
  process_start_time_seconds: {
    type: 'gauge',
    labels: [],
    help: 'Start time of the process since unix epoch in seconds',
  },
  nodejs_heap_size_total_bytes: { type: 'gauge', labels: [], help: 'Size of the JavaScript heap' },
  nodejs_heap_size_used_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Part of the JavaScript heap that is in use',
  },
  nodejs_external_memory_bytes: {
    type: 'gauge',
    labels: [],
    help: 'Memory outside the JavaScript heap that its objects hold on to',
  },
  nodejs_eventloop_lag_mean_seconds: {
    type: 'gauge',
    labels: [],
    help: 'By how much timers were late since the last scrape, on average',
  },
  nodejs_eventloop_lag_p99_seconds: {
    type: 'gauge',
    labels: [],
    help: 'By how much timers were late since the last scrape, in the worst of a hundred cases',
  },
  nodejs_eventloop_lag_max_seconds: {
    type: 'gauge',
    labels: [],
    help: 'By how much timers were late since the last scrape, at most',
  },
} as const;
