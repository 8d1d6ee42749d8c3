import type { Program } from '../../netns/program.ts';
import type { ClusterNetwork, Place } from '../network/network.ts';
import type { Images } from './kubelet.ts';
import type { Container, Pod } from './pod.ts';

/** What runs in a Pod's containers. */
export interface Runtime {
  start(): Promise<void>;
  /** Ends it and the connections it has. */
  stop(): Promise<void>;
  /** Whether it serves, as a probe would find. */
  serves(): Promise<boolean>;
}

interface Where {
  readonly place: Place;
  readonly node: string;
  readonly network: ClusterNetwork;
}

/** How to run the Pod; undefined when there is no such image. */
export function runtimeOf(pod: Pod, where: Where, images: Images): Runtime | undefined {
  const parts = pod.spec.containers.map((container): Runtime | undefined => {
    const name = imageName(container.image);
    if (name === 'echo') return new EchoServers(where, portsOf(container));
    const program = images[container.image] ?? images[name];
    if (program === undefined) return undefined;
    return new RunningProgram(where, portsOf(container), () => program(where));
  });
  return parts.includes(undefined) ? undefined : together(parts.filter((part) => part !== undefined));
}

/** `registry.example/team/echo:1.2` is `echo`. */
function imageName(image: string): string {
  return image.replace(/^.*\//, '').replace(/[:@].*$/, '');
}

function portsOf(container: Container): readonly number[] {
  return [...new Set((container.ports ?? []).map(({ containerPort }) => containerPort))];
}

function together(parts: readonly Runtime[]): Runtime {
  const each = async (act: (part: Runtime) => Promise<void>): Promise<void> => {
    await Promise.all(parts.map(act));
  };
  return {
    start: () => each((part) => part.start()),
    stop: () => each((part) => part.stop()),
    serves: async () => !(await Promise.all(parts.map((part) => part.serves()))).includes(false),
  };
}

class EchoServers implements Runtime {
  readonly #where: Where;
  readonly #ports: readonly number[];
  #listening = false;

  constructor(where: Where, ports: readonly number[]) {
    this.#where = where;
    this.#ports = ports;
  }

  async start(): Promise<void> {
    const { network, place } = this.#where;
    await network.listen(place, { ports: this.#ports });
    this.#listening = true;
  }

  async stop(): Promise<void> {
    const { network, place } = this.#where;
    this.#listening = false;
    await network.closeServers(place, { ports: this.#ports });
  }

  async serves(): Promise<boolean> {
    return this.#listening;
  }
}

const probeMilliseconds = 2000;
/** Kubernetes' own `failureThreshold`: one late answer of a busy machine is no outage. */
const failureThreshold = 3;

class RunningProgram implements Runtime {
  readonly #where: Where;
  readonly #ports: readonly number[];
  readonly #argv: () => Promise<readonly [string, ...string[]]>;
  #program: Program | undefined;
  /** Probes that failed in a row; as many as it takes until the first one succeeds. */
  #failures = failureThreshold;

  constructor(where: Where, ports: readonly number[], argv: () => Promise<readonly [string, ...string[]]>) {
    this.#where = where;
    this.#ports = ports;
    this.#argv = argv;
  }

  async start(): Promise<void> {
    const { network, place } = this.#where;
    this.#failures = failureThreshold;
    this.#program = network.start(place, await this.#argv());
  }

  async stop(): Promise<void> {
    await this.#program?.stop('SIGTERM', 3000);
  }

  /** Whether it runs and takes connections at its first port; a program without ports needs only to run. */
  async serves(): Promise<boolean> {
    if (!(this.#program?.running ?? false)) return false;
    const [port] = this.#ports;
    if (port === undefined) return true;
    this.#failures = (await this.#takesConnections(port)) ? 0 : this.#failures + 1;
    return this.#failures < failureThreshold;
  }

  async #takesConnections(port: number): Promise<boolean> {
    const { network, place, node } = this.#where;
    // Bash opens /dev/tcp/ADDRESS/PORT by itself: the cheapest client there is.
    const probed = await network
      .exec(node)({
        argv: ['bash', '-c', ': <>"/dev/tcp/$0/$1"', network.address(place, 'IPv4'), String(port)],
        timeoutMilliseconds: probeMilliseconds,
      })
      .catch(() => undefined);
    return probed?.exitCode === 0;
  }
}
