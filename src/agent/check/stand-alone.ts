import { type Clock, sleep, systemClock } from '../../clock.ts';
import type { Config } from '../../config/defaults.ts';
import { chainNames } from '../../rules/iptables/names.ts';
import type { Context } from '../options.ts';
import { type Claim, type TakeClaim, takeClaim } from './claim.ts';
import { type Eyes, machineEyes, type OtherProxy, otherProxies, proxyError } from './other-proxies.ts';

/** What decides whether we write rules here alone; tests hand in other ones. */
export interface Surroundings {
  readonly eyes: Eyes;
  readonly takeClaim: TakeClaim;
  readonly clock: Clock;
}

const machine: Surroundings = { eyes: machineEyes, takeClaim, clock: systemClock };

/** Nobody else writes our chains, or we were told to go on nevertheless. */
export interface Standing {
  /** Others may have the place. */
  release(): Promise<void>;
}

type Options = Pick<Config, 'kubeProxy' | 'serving' | 'routing'>;

/** A nodeplane that was just told to end needs a moment; so does the kernel after a SIGKILL. */
const graceMilliseconds = 3000;
const graceStep = 100;
/** How often is looked while we wait, and how often that is told. */
const waitStep = 500;
const tellEvery = 60_000;

/**
 * Looks for kube-proxy and for another nodeplane before anything is changed, and does what the configuration says when there is one: ends
 * with an error, waits until it is gone, or goes on. Resolves early when the signal is aborted.
 * @throws NodeplaneError `NP-CHECK-002`, `-003` with `kubeProxy: refuse`.
 */
export async function standAlone(
  options: Options,
  { log, signal }: Pick<Context, 'log' | 'signal'>,
  surroundings: Surroundings = machine,
): Promise<Standing> {
  const place = new Place(options, surroundings);
  const { clock } = surroundings;
  const began = clock.now();
  let toldAt: number | undefined;
  while (!signal.aborted) {
    const [other] = await place.others();
    if (other === undefined) break;
    const err = proxyError(other);
    const waited = clock.now() - began;
    const fields = { proxy: other.kind, seen: other.seen, ...(other.mode && { mode: other.mode }) };
    if (options.kubeProxy === 'ignore') {
      log.warn({ ...fields, code: err.code }, 'goes on beside another proxy, because kubeProxy is ignore');
      break;
    }
    if (options.kubeProxy === 'wait') {
      if (toldAt === undefined || clock.now() - toldAt >= tellEvery) {
        toldAt = clock.now();
        log.warn(
          { ...fields, code: err.code, seconds: seconds(waited) },
          'waits until another proxy is gone',
        );
      }
      await sleep(clock, waitStep, signal);
    } else {
      if (other.kind === 'kube-proxy' || waited >= graceMilliseconds) throw await place.leave(err);
      await sleep(clock, graceStep, signal);
    }
  }
  if (toldAt !== undefined && !signal.aborted)
    log.info({ seconds: seconds(clock.now() - began) }, 'the other proxy is gone');
  if (place.doubt !== undefined)
    log.warn({ err: place.doubt }, 'whether another nodeplane works on this node cannot be found out');
  return place;
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 1000);
}

/** The right to write our chains in this network namespace. */
class Place implements Standing {
  readonly #options: Options;
  readonly #surroundings: Surroundings;
  #claim: Claim | undefined;

  constructor(options: Options, surroundings: Surroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
  }

  /** Why it is not known who has it. */
  get doubt(): Error | undefined {
    return this.#claim?.kind === 'unknown' ? this.#claim.error : undefined;
  }

  /** Those who write them now; kube-proxy first. */
  async others(): Promise<readonly OtherProxy[]> {
    const { eyes } = this.#surroundings;
    if (this.#claim?.kind !== 'held')
      this.#claim = await this.#surroundings.takeClaim(chainNames(this.#options.routing).prefix);
    const others = await otherProxies(this.#options, eyes);
    if (this.#claim.kind !== 'taken' || others.some(({ kind }) => kind === 'nodeplane')) return others;
    return [...others, { kind: 'nodeplane', seen: [], mode: undefined }];
  }

  /** For one who goes because of the error. */
  async leave<E extends Error>(error: E): Promise<E> {
    await this.release();
    return error;
  }

  async release(): Promise<void> {
    if (this.#claim?.kind === 'held') await this.#claim.release();
    this.#claim = undefined;
  }
}
