import type { Family } from '../model/address.ts';

/** One line of rule text as it is sent, with the Route it serves, so that a refusal can name the Service. */
export interface Line {
  readonly text: string;
  /** Key of the Route (`ns/svc:port/tcp`); undefined for what serves the whole node. */
  readonly service: string | undefined;
}

/**
 * One step of a plan. `write`: the chain is created or emptied and gets exactly these rules. `delete`: the chain goes.
 * `insert`: a rule is put first into a built-in chain, which keeps its other rules.
 */
export interface Step {
  readonly verb: 'write' | 'delete' | 'insert';
  readonly table: string;
  readonly chain: string;
  /** Rule lines; none for `delete`. Made when they are asked for: those of a first load would be most of the agent's memory. */
  lines(): readonly Line[];
  /** Of the lines, with their line ends. */
  readonly size: { readonly lines: number; readonly bytes: number };
  /** Rules that the chain has before and that go. */
  readonly replaces: number;
  /** Key of the Route that the chain serves; undefined when it serves several or the whole node. */
  readonly service: string | undefined;
  /** A `write` of a chain that does not exist yet: nothing reaches it before another step refers to it. */
  readonly creates: boolean;
}

/** What a plan will cost, known before it runs. */
export interface Cost {
  /** Chains written, deleted, and rules inserted. */
  readonly steps: number;
  /** Lines of text that will be sent. */
  readonly lines: number;
  /** UTF-8 bytes of that text. */
  readonly bytes: number;
}

/** The ordered steps that turn the applied rules of one family into the wanted ones. Empty steps: nothing to do. */
export interface Plan {
  readonly dialect: 'iptables';
  readonly family: Family;
  readonly steps: readonly Step[];
  readonly cost: Cost;
}
