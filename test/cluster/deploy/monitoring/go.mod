module nodeplane.dev/test/cluster/deploy/monitoring

go 1.26.0

// Only the CustomResourceDefinitions in its example/ are read; nothing is built.
require github.com/prometheus-operator/prometheus-operator v0.85.0
