import type { Json, PortOptions } from '../../conformance/objects.ts';

export interface DeploymentOptions {
  readonly name: string;
  readonly namespace?: string;
  readonly replicas: number;
  /** Port of its containers; 8080 when undefined. */
  readonly port?: number;
  /** How long Pods serve on when they are to end; not at all when undefined. */
  readonly lingerSeconds?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  /** More of the Pods' `spec`. */
  readonly spec?: Json;
}

/** Echo servers of TCP and UDP, all with the label `app`. */
export function echoDeployment(options: DeploymentOptions): Json {
  const { name, namespace = 'default', replicas } = options;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: echoTemplate(options) },
  };
}

/** The Pods of {@link echoDeployment}, for whatever else makes Pods. */
export function echoTemplate(options: Omit<DeploymentOptions, 'replicas'>): Json {
  const { name, port = 8080, lingerSeconds, annotations = {}, spec = {} } = options;
  const sleep =
    lingerSeconds === undefined ? {} : { lifecycle: { preStop: { sleep: { seconds: lingerSeconds } } } };
  const ports = [
    { name: 'tcp', protocol: 'TCP', containerPort: port },
    { name: 'udp', protocol: 'UDP', containerPort: port },
  ];
  return {
    metadata: { labels: { app: name }, annotations },
    spec: { containers: [{ name: 'echo', image: 'echo', ports, ...sleep }], ...spec },
  };
}

/** A Service of both families for the Pods of {@link echoDeployment} of the same name, with TCP and UDP at port 80. */
export function echoService(
  name: string,
  {
    namespace = 'default',
    spec = {},
    metadata = {},
  }: { readonly namespace?: string; readonly spec?: Json; readonly metadata?: Json } = {},
): Json {
  const ports: readonly (PortOptions & { readonly targetPort: string })[] = [
    { name: 'tcp', protocol: 'TCP', port: 80, targetPort: 'tcp' },
    { name: 'udp', protocol: 'UDP', port: 80, targetPort: 'udp' },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, ...metadata },
    spec: { selector: { app: name }, ipFamilyPolicy: 'RequireDualStack', ports, ...spec },
  };
}
