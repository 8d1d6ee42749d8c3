// What users would write: Deployments of echo servers, and Services that select them.
import type { Json } from '../../conformance/objects.ts';
import type { TrafficProtocol } from '../../netns/actor.ts';
import type { NodeName } from '../nodes.ts';

/** What echo servers listen at when nothing else is said. */
const echoPort = 8080;

export interface DeploymentOptions {
  readonly name: string;
  readonly namespace?: string;
  /** 1 when undefined. */
  readonly replicas?: number;
  /** Of its Pods, besides `app` with the Deployment's name. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of its Pods; `ready: "false"` keeps them from being ready. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Each in TCP, named `tcp-8080`, and in UDP, named `udp-8080`; {@link echoPort} when undefined. */
  readonly ports?: readonly number[];
  /** How long a Pod goes on to serve after its end was asked for; 0 when undefined. */
  readonly preStopSeconds?: number;
  readonly node?: NodeName;
  readonly hostNetwork?: boolean;
  /** `echo` when undefined. */
  readonly image?: string;
  /** As `spec.strategy.rollingUpdate` has them; what the API server takes for missing when undefined. */
  readonly rollingUpdate?: { readonly maxSurge: number | string; readonly maxUnavailable: number | string };
  /** More of the Pods' spec. */
  readonly podSpec?: Json;
}

export function deployment(options: DeploymentOptions): Json {
  const { name, namespace = 'default', replicas = 1, labels, annotations, rollingUpdate } = options;
  const own = { app: name };
  const strategy = rollingUpdate && { strategy: { type: 'RollingUpdate', rollingUpdate } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: own },
      ...strategy,
      template: {
        metadata: { labels: { ...own, ...labels }, ...(annotations && { annotations }) },
        spec: podSpec(options),
      },
    },
  };
}

function podSpec(options: DeploymentOptions): Json {
  const { ports = [echoPort], preStopSeconds = 0, node, hostNetwork, image = 'echo' } = options;
  const lifecycle = preStopSeconds > 0 && { lifecycle: { preStop: { sleep: { seconds: preStopSeconds } } } };
  return {
    terminationGracePeriodSeconds: preStopSeconds + 1,
    ...(node && { nodeSelector: { 'kubernetes.io/hostname': node } }),
    ...(hostNetwork && { hostNetwork }),
    containers: [{ name: 'main', image, ports: ports.flatMap(containerPorts), ...lifecycle }],
    ...options.podSpec,
  };
}

function containerPorts(containerPort: number): readonly Json[] {
  return protocols.map((protocol) => ({ name: portName(protocol, containerPort), containerPort, protocol }));
}

export interface ServicePort {
  /** Of {@link portName} when undefined. */
  readonly name?: string;
  /** TCP when undefined. */
  readonly protocol?: TrafficProtocol;
  readonly port: number;
  /** A number, or the name of a container's port; {@link echoPort} when undefined. */
  readonly targetPort?: number | string;
  readonly nodePort?: number;
}

export interface ServiceOptions {
  readonly name: string;
  readonly namespace?: string;
  /** The Deployment whose Pods it selects; the one of its own name when undefined. */
  readonly app?: string;
  /** Port 80 in TCP and UDP when undefined. */
  readonly ports?: readonly ServicePort[];
  readonly type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** More of `spec`. */
  readonly spec?: Json;
}

/** In both families, unless `spec` says otherwise. */
export function service(options: ServiceOptions): Json {
  const { name, namespace = 'default', app = name, ports = both(80), type = 'ClusterIP' } = options;
  const { labels, annotations, spec } = options;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: {
      type,
      ipFamilyPolicy: 'RequireDualStack',
      selector: { app },
      ports: ports.map(({ protocol = 'TCP', port, targetPort = echoPort, ...rest }) => ({
        name: portName(protocol, port),
        protocol,
        port,
        targetPort,
        ...rest,
      })),
      ...spec,
    },
  };
}

/** A port in both protocols. */
export function both(port: number, targetPort: number = echoPort): readonly ServicePort[] {
  return protocols.map((protocol) => ({ protocol, port, targetPort }));
}

/** `tcp-80`. */
function portName(protocol: TrafficProtocol, port: number): string {
  return `${protocol.toLowerCase()}-${port}`;
}

export const protocols: readonly TrafficProtocol[] = ['TCP', 'UDP'];
