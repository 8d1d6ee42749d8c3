/** What is said when the shell opens, and by `cluster-help`. */
export const help = `A cluster with a real control plane, three nodes and a client outside. Everything goes when this shell ends.

  kubectl get pods -o wide          the real kubectl, as administrator (no kubelet runs here, so there is no kubectl logs or exec)
  from client curl 198.51.100.1     from outside, through the load balancer (Service web-public; [2001:db8:100::1] too)
  from client curl 192.168.60.11:30080          through the node port of node-1 (Service web-node)
  from default/POD curl 172.30.0.80             from a Pod, to the ClusterIP of the Service web
  on node-1 nodeplane diff          what nodeplane would change on a node (node-1: iptables-legacy, node-2, node-3: iptables-nft)
  on node-1 iptables-legacy-save    any command on a node; on node-2 it is iptables-nft-save
  agent log node-1                  what the agent on a node said; agent pause, resume, stop and start are there as well
  watch-diff [NODE…]                nodeplane diff on all nodes, again and again, until Ctrl-C
  cluster-help                      this text

To see a change before it is made, let the agents rest, change something, and look:

  for n in 1 2 3; do agent pause node-$n; done
  kubectl scale deployment web --replicas 5
  on node-2 nodeplane diff --rules
  for n in 1 2 3; do agent resume node-$n; done; watch-diff
`;
